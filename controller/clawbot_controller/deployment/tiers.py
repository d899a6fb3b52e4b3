"""Sizes by what an operator means: light, standard, performance.

The request named B1ms, B2s and D2s_v3. Bv1 retires on 2028-11-15 and is closed to new
subscriptions; the successors are of the Bsv2 family (learn.microsoft.com, "Retired sizes").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["TIERS", "Tier"]


@dataclass(frozen=True, slots=True)
class Tier:
    """One choice.

    Attributes:
        size: what is created.
        requested: the size in the request that led to this project.
        says: CPUs and memory.
        memory_gib: of the size.
    """

    size: str
    requested: str
    says: str
    memory_gib: int


TIERS: Final[Mapping[str, Tier]] = MappingProxyType(
    {
        # no newer size has 2 GiB: with 1 an idle gateway does not fit, 4 is the next tier
        "light": Tier("Standard_B1ms", "Standard_B1ms", "1 CPU and 2 GiB, for pulled images", 2),
        "standard": Tier("Standard_B2als_v2", "Standard_B2s", "2 CPUs and 4 GiB", 4),
        "performance": Tier("Standard_B2as_v2", "Standard_D2s_v3", "2 CPUs and 8 GiB", 8),
    }
)
