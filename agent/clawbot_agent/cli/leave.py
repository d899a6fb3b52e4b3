"""`clawbot-agent leave`: have the instance leave in order, before somebody takes it away."""

from datetime import timedelta
from typing import Final

import click

from clawbot_agent.cli.common import Exit, fail, require_root
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.host import Host, system_host
from clawbot_agent.lifecycle.shutdown.errors import LeaveUnheardError, LeaveUnsafeError
from clawbot_agent.lifecycle.shutdown.leave_request import Wish, read_wish, withdraw
from clawbot_agent.lifecycle.shutdown.report import EventsReport, Phase, read_report

__all__ = ["leave"]

_POLL_SECONDS: Final = 1.0
# without a metadata service the daemon looks every half minute
_HEARD_SECONDS: Final = 45.0
# what was too slow to be written is tried again
_UNSAFE_SECONDS: Final = 30.0


@click.command()
@click.option(
    "--minutes",
    type=click.IntRange(2, 120),
    default=15,
    show_default=True,
    help="An instance that is still here after that goes back to work.",
)
@click.option("--cancel", is_flag=True, help="Stay after all: the bot starts within a minute.")
def leave(*, minutes: int, cancel: bool) -> None:
    """Leave in order: end the sessions, bring the memory to the share, give the lease back.

    For who is about to reimage or delete the instance: its successor then need not wait. Ends
    when all is done, after some seconds without a session, and at most six minutes. Exit 1 when
    the memory may not be on the share.
    """
    require_root()
    host = system_host(deadline=minutes * 60)
    try:
        if cancel:
            _cancel(host)
        else:
            _leave(host, minutes)
    except ClawbotError as error:
        fail(f"{error.code}: {error.message}\nnext: {error.hint}", Exit.FAILED)


def _cancel(host: Host) -> None:
    if read_wish(host.files, now=host.clock.now()) is None:
        fail("nobody has asked this instance to leave", Exit.FAILED)
    withdraw(host.files)
    click.echo("called off: the bot starts within a minute")


def _leave(host: Host, minutes: int) -> None:
    until = host.clock.now().replace(microsecond=0) + timedelta(minutes=minutes)
    Wish(until).write(host.files)
    click.echo(
        f"leaving; the bot comes back at {until:%H:%M} UTC if the instance is still here, "
        "or by 'clawbot-agent leave --cancel'"
    )
    report = _followed(host)
    if not report.phase.safe:
        raise LeaveUnsafeError(report.problem or f"still {report.phase}")
    click.echo("left: the memory is on the share and the lease is given back")


def _followed(host: Host) -> EventsReport:
    """The report in which it ended, or the last one before the time was over.

    Raises:
        LeaveUnheardError: nobody does anything.
    """
    began, told = host.clock.monotonic(), ""
    unsafe: float | None = None
    while True:
        waited = host.clock.monotonic() - began
        report = read_report(host.files)
        if report is not None and report.leaving:
            if (line := report.problem or report.phase.value) != told:
                told = line
                click.echo(line)
            if report.phase is Phase.UNSAFE and unsafe is None:
                unsafe = waited
            given_up = unsafe is not None and waited - unsafe >= _UNSAFE_SECONDS
            if report.phase.safe or given_up or host.limit.remaining() <= _POLL_SECONDS:
                return report
        elif waited >= _HEARD_SECONDS:
            withdraw(host.files)
            msg = f"nothing happened within {_HEARD_SECONDS:.0f} s"
            raise LeaveUnheardError(msg)
        host.clock.wait(host.limit.cancelled, _POLL_SECONDS)
