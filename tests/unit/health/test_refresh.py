"""One check within its time limit."""

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.refresh import Watch, checked
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandTimeoutError
from clawbot_agent.records.record import RecordError
from tests.fakes import fake_host


def watch(ended: Finding | Exception) -> Watch:
    def check(_host: Host) -> Finding:
        if isinstance(ended, Exception):
            raise ended
        return ended

    return Watch("unit", check, every=5, limit=3)


def test_finding_is_passed_on() -> None:
    found = Finding(ComponentState.OK, "fine")
    assert checked(watch(found), fake_host()) is found


def test_check_has_its_own_time_limit() -> None:
    seen: list[float] = []

    def check(host: Host) -> Finding:
        seen.append(host.limit.remaining())
        return Finding(ComponentState.OK, "")

    checked(Watch("unit", check, every=5, limit=3), fake_host())
    assert seen == [3]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CommandTimeoutError("systemctl: stopped,\nits time was used up"), "systemctl: stopped, "),
        (RecordError("/run/clawbot/lease.json is damaged: not JSON"), "/run/clawbot/lease.json is"),
        (ZeroDivisionError("token=secret"), "defect in the sidecar: ZeroDivisionError"),
    ],
)
def test_failed_check_is_a_finding(error: ClawbotError | Exception, reason: str) -> None:
    """On one line, and a defect without its text, which may contain anything."""
    found = checked(watch(error), fake_host())
    assert found.state is ComponentState.UNKNOWN
    assert found.reason.startswith(reason)
    assert "secret" not in found.reason
    assert "\n" not in found.reason


def test_finding_is_valid_until_the_next_check_must_be_over() -> None:
    assert watch(Finding(ComponentState.OK, "")).good_for == 5 + 3 + 5
