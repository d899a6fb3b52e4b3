import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.refresh import Watch, look
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandTimeoutError
from tests.fakes import fake_host


def watch(ended: Finding | Exception) -> Watch:
    def check(_host: Host) -> Finding:
        if isinstance(ended, Exception):
            raise ended
        return ended

    return Watch("unit", check, every=5, limit=3)


def test_a_finding_is_passed_on() -> None:
    found = Finding(State.OK, "fine")
    assert look(watch(found), fake_host()) is found


def test_a_look_has_its_own_time_limit() -> None:
    seen: list[float] = []

    def check(host: Host) -> Finding:
        seen.append(host.limit.remaining())
        return Finding(State.OK, "")

    look(Watch("unit", check, every=5, limit=3), fake_host())
    assert seen == [3]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CommandTimeoutError("systemctl: stopped,\nits time was used up"), "systemctl: stopped, "),
        (ZeroDivisionError("token=secret"), "defect in the sidecar: ZeroDivisionError"),
    ],
)
def test_a_look_that_fails_is_a_finding(error: ClawbotError | Exception, reason: str) -> None:
    """On one line, and a defect without its text: nobody knows what is in it."""
    found = look(watch(error), fake_host())
    assert found.state is State.UNKNOWN
    assert found.reason.startswith(reason)
    assert "secret" not in found.reason
    assert "\n" not in found.reason


def test_a_finding_holds_until_the_next_look_has_had_its_time() -> None:
    assert watch(Finding(State.OK, "")).good_for == 5 + 3 + 5
