"""One desired resource: its id, the version of its API, and the body to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

__all__ = ["API", "Body", "Resource", "kind_of"]

Body = Mapping[str, Any]

# by type in lower case; each pinned, because a version is a contract about bodies
API: Final[Mapping[str, str]] = {
    "microsoft.authorization/permissions": "2022-04-01",
    "microsoft.authorization/roleassignments": "2022-04-01",
    "microsoft.compute/skus": "2021-07-01",
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.compute/virtualmachinescalesets": "2024-07-01",
    "microsoft.keyvault/locations": "2023-07-01",
    "microsoft.keyvault/vaults": "2023-07-01",
    "microsoft.managedidentity/userassignedidentities": "2023-01-31",
    "microsoft.network/networkinterfaces": "2024-05-01",
    "microsoft.network/networksecuritygroups": "2024-05-01",
    "microsoft.network/publicipaddresses": "2024-05-01",
    "microsoft.network/publicipprefixes": "2024-05-01",
    "microsoft.network/virtualnetworks": "2024-05-01",
    "microsoft.storage/storageaccounts": "2025-01-01",
    "resourcegroups": "2022-09-01",
    "subscriptions": "2022-12-01",
}
_TAGS: Final = "tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What should be.

    Attributes:
        id: ARM id, with the leading slash.
        body: as in a PUT, whole; every part of it is compared with what is there.
        says: what an operator reads: "virtual network 10.0.0.0/16".
        write_only: dotted paths in the body that Azure never returns.
        once: dotted paths that are set at creation and then left as they are.
        optional: dotted paths, through lists too, that Azure need not take nor return.
    """

    id: str
    body: Body
    says: str
    write_only: frozenset[str] = field(default=frozenset())
    once: frozenset[str] = field(default=frozenset())
    optional: frozenset[str] = field(default=frozenset())

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    @property
    def api_version(self) -> str:
        """The pinned version of its API."""
        return API[kind_of(self.id)]

    def tagged(self, tags: Mapping[str, str]) -> "Resource":
        """The same with further tags."""
        return replace(self, body={**self.body, _TAGS: {**tags, **self.body.get(_TAGS, {})}})


def kind_of(resource_id: str) -> str:
    """The type in lower case, of the top resource only: what an API version belongs to."""
    parts = resource_id.strip("/").split("/")
    lower = [part.lower() for part in parts]
    if "providers" not in lower:
        return "resourcegroups" if "resourcegroups" in lower else "subscriptions"
    last = len(lower) - 1 - lower[::-1].index("providers")
    return f"{lower[last + 1]}/{lower[last + 2]}"
