"""Each fault at each call of `up`: retried, or reported clearly and continued by the next `up`.

Never a duplicate, never a leak. All of them are a thousand runs; in the test command each call
meets one kind and each kind some calls.
"""

import socket
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.operations.site import Site
from tests.bench.arm.fake import FakeArm
from tests.contract.controller.conftest import Ground, changes

KINDS: Final = (
    *("401", "403", "404", "409", "409-conflict", "412", "429", "500", "503"),
    *("reset", "reset-after", "timeout-after", "truncated", "lro-failed", "lro-stuck"),
)
# how many requests a first `up` makes; the test counts them
CALLS: Final = 68
# two shards take turns with what is no sample
SHARDS: Final = ("controller-faults-1", "controller-faults-2")
CASES: Final = [
    pytest.param(
        kind,
        call,
        marks=() if (call + number) % len(KINDS) == 0 else pytest.mark.extended(SHARDS[call % 2]),
    )
    for call in range(1, CALLS + 1)
    for number, kind in enumerate(KINDS)
]
# these pass by themselves; the others may end an `up`, with a reason
WAITED_FOR: Final = ("401", "409", "409-conflict", "412", "429", "500", "503", "reset", "truncated")


@dataclass(slots=True)
class Undisturbed:
    """What an `up` without faults makes, and how many requests it takes.

    Attributes:
        types: how many resources there are of each type: a duplicate shows whatever its name is.
    """

    types: dict[str, int]
    calls: int


def types_of(ids: list[str]) -> dict[str, int]:
    return dict(Counter(one.split("/")[-2] for one in ids))


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    """Of a subscription of its own."""
    with pytest.MonkeyPatch.context() as patch, FakeArm() as arm:
        patch.setattr(socket, "getaddrinfo", arm.resolver())
        ground = Ground(arm)
        ground.up(ground.site())
        return Undisturbed(types_of(arm.resources()), len(arm.requests))


def tried(ground: Ground, site: Site) -> ClawbotError | None:
    """`up`, and how it failed."""
    try:
        ground.up(site)
    except ClawbotError as error:
        return error
    return None


@pytest.mark.parametrize(("kind", "call"), CASES)
def test_a_fault(ground: Ground, undisturbed: Undisturbed, kind: str, call: int) -> None:
    site = ground.site()
    fault = ground.arm.faults.add(kind, nth=call, seconds=0.02)
    error = tried(ground, site)
    assert error is None or (kind not in WAITED_FOR and error.message and error.hint)
    assert undisturbed.calls == CALLS
    assert fault.hits == 1
    ground.arm.faults.clear()
    ground.arm.settle()
    ground.up(site)
    assert changes(ground.up(site)) == []
    assert types_of(ground.arm.resources()) == undisturbed.types
    assert list(ground.arm.secrets(site.shared.vault)) == ["my-bot-gateway-token"]
    ground.destroy_all(site)
    assert ground.arm.resources() == []
    assert ground.arm.deleted_vaults() == []


@pytest.mark.parametrize("nth", range(1, 14))
def test_what_was_cut_off_goes_on_where_it_was(ground: Ground, nth: int) -> None:
    """At each write: the next `up` makes none of those before it again."""
    site = ground.site()
    ground.arm.faults.add("403", method="PUT", nth=nth)
    error = tried(ground, site)
    assert error is not None
    assert error.code == "AZURE_FORBIDDEN"
    ground.up(site)
    done = [one.path for one in ground.arm.requests if one.method == "PUT" and one.status < 400]
    assert len(done) == len(set(done)) == 13


def test_a_fault_of_the_vault_is_waited_for_as_well(ground: Ground) -> None:
    ground.arm.vaults.knobs.change({"script": [403, 429, 500, 503], "retry_after": 0})
    ground.up(ground.site())
    assert [line for line in ground.told if "VAULT_ROLE_PENDING" in line] != []
