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
from clawbot_controller.operations.context import BotContext
from tests.bench.arm.fake import FakeArm
from tests.contract.controller.conftest import FakeAzure, changes

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
# transient; the other faults may end an `up` with an error
WAITED_FOR: Final = ("401", "409", "409-conflict", "412", "429", "500", "503", "reset", "truncated")


@dataclass(slots=True)
class Undisturbed:
    """Resources and requests of an `up` without faults.

    Attributes:
        types: number of resources of each type, which shows duplicates under any name.
    """

    types: dict[str, int]
    calls: int


def types_of(ids: list[str]) -> dict[str, int]:
    return dict(Counter(one.split("/")[-2] for one in ids))


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    """Measure in a separate subscription."""
    with pytest.MonkeyPatch.context() as patch, FakeArm() as arm:
        patch.setattr(socket, "getaddrinfo", arm.resolver())
        azure = FakeAzure(arm)
        azure.up(azure.bot())
        return Undisturbed(types_of(arm.resources()), len(arm.requests))


def tried(azure: FakeAzure, bot: BotContext) -> ClawbotError | None:
    """Run `up` and return its error."""
    try:
        azure.up(bot)
    except ClawbotError as error:
        return error
    return None


@pytest.mark.parametrize(("kind", "call"), CASES)
def test_fault_is_retried_or_continued(
    azure: FakeAzure, undisturbed: Undisturbed, kind: str, call: int
) -> None:
    bot = azure.bot()
    fault = azure.arm.faults.add(kind, nth=call, seconds=0.02)
    error = tried(azure, bot)
    assert error is None or (kind not in WAITED_FOR and error.message and error.hint)
    assert undisturbed.calls == CALLS
    assert fault.hits == 1
    azure.arm.faults.clear()
    azure.arm.settle()
    azure.up(bot)
    assert changes(azure.up(bot)) == []
    assert types_of(azure.arm.resources()) == undisturbed.types
    assert list(azure.arm.secrets(bot.shared.vault)) == ["my-bot-gateway-token"]
    azure.destroy_all(bot)
    assert azure.arm.resources() == []
    assert azure.arm.deleted_vaults() == []


@pytest.mark.parametrize("nth", range(1, 14))
def test_interrupted_up_is_continued_by_next(azure: FakeAzure, nth: int) -> None:
    """At each write; the next `up` repeats none of the writes before it."""
    bot = azure.bot()
    azure.arm.faults.add("403", method="PUT", nth=nth)
    error = tried(azure, bot)
    assert error is not None
    assert error.code == "AZURE_FORBIDDEN"
    azure.up(bot)
    done = [one.path for one in azure.arm.requests if one.method == "PUT" and one.status < 400]
    assert len(done) == len(set(done)) == 13


def test_fault_of_vault_is_retried(azure: FakeAzure) -> None:
    azure.arm.vaults.knobs.change({"script": [403, 429, 500, 503], "retry_after": 0})
    azure.up(azure.bot())
    assert [line for line in azure.lines if "VAULT_ROLE_PENDING" in line] != []
