"""`clawbot-agent leave`: shut the instance down in order before it is deleted or reimaged."""

from datetime import timedelta
from typing import Final

import click

from clawbot_agent.cli.common import Exit, errors_reported, fail, require_root
from clawbot_agent.core.paths import LEAVE_FILE
from clawbot_agent.host import Host, system_host
from clawbot_agent.lifecycle.shutdown.errors import LeaveUnansweredError, LeaveUnsafeError
from clawbot_agent.records.shutdown import (
    LEAVE_REQUEST,
    SHUTDOWN,
    LeaveRequest,
    ShutdownPhase,
    ShutdownReport,
)

_POLL_SECONDS: Final = 1.0
# without a metadata service the watcher reads the request every half minute
_ANSWER_SECONDS: Final = 45.0
# a sync that was too slow is repeated
_UNSAFE_SECONDS: Final = 30.0


@click.command()
@click.option(
    "--minutes",
    type=click.IntRange(2, 120),
    default=15,
    show_default=True,
    help="Time after which an instance that still exists goes back to work, in minutes.",
)
@click.option(
    "--cancel", is_flag=True, help="Cancel the leave request; the bot starts within 1 min."
)
def leave(*, minutes: int, cancel: bool) -> None:
    """Shut the bot down in order: end sessions, write the bot data, release the lease.

    Use it before you reimage or delete the instance, so that the next one need not wait. Takes some
    seconds without a session, at most 6 min. Exit 1 if the bot data may not be on the share.
    """
    require_root()
    host = system_host(deadline=minutes * 60)
    with errors_reported():
        if cancel:
            _cancel(host)
        else:
            _leave(host, minutes)


def _cancel(host: Host) -> None:
    request = LEAVE_REQUEST.load(host.files)
    if request is None or host.clock.now() >= request.until:
        fail("there is no leave request on this instance", Exit.FAILED)
    host.files.remove(LEAVE_FILE)
    click.echo("leave request canceled: the bot starts within 1 min")


def _leave(host: Host, minutes: int) -> None:
    until = host.clock.now().replace(microsecond=0) + timedelta(minutes=minutes)
    LEAVE_REQUEST.save(host.files, LeaveRequest(until))
    click.echo(
        f"leaving; the bot returns at {until:%H:%M} UTC if the instance still exists, "
        "or with 'clawbot-agent leave --cancel'"
    )
    report = _followed(host)
    if not report.phase.safe:
        raise LeaveUnsafeError(report.problem or f"still {report.phase}")
    click.echo("left: the bot data is on the share and the lease is released")


def _followed(host: Host) -> ShutdownReport:
    """Return the final report, or the last one before the time was over.

    Raises:
        LeaveUnansweredError: the watcher does not react.
    """
    began, shown = host.clock.monotonic(), ""
    unsafe: float | None = None
    while True:
        waited = host.clock.monotonic() - began
        report = SHUTDOWN.load(host.files)
        if report is not None and report.leaving:
            if (line := report.problem or report.phase.value) != shown:
                shown = line
                click.echo(line)
            if report.phase is ShutdownPhase.UNSAFE and unsafe is None:
                unsafe = waited
            given_up = unsafe is not None and waited - unsafe >= _UNSAFE_SECONDS
            if report.phase.safe or given_up or host.limit.remaining() <= _POLL_SECONDS:
                return report
        elif waited >= _ANSWER_SECONDS:
            host.files.remove(LEAVE_FILE)
            msg = f"no reaction within {_ANSWER_SECONDS:.0f} s"
            raise LeaveUnansweredError(msg)
        host.clock.wait(host.limit.canceled, _POLL_SECONDS)
