"""`clawbot-agent watch-events`: the scheduled-events watcher, run by clawbot-events.service."""

import contextlib
import math
from typing import TYPE_CHECKING

import click

from clawbot_agent.cli.common import canceled_by_signals, require_root
from clawbot_agent.core.paths import CONSOLE, EVENTS_FILE

if TYPE_CHECKING:
    from clawbot_agent.host import Host
    from clawbot_agent.lifecycle.shutdown.daemon import ReportEvent


@click.command("watch-events", hidden=True)
def watch_events() -> None:
    """Watch Azure's scheduled events; shut down in order before the instance goes away.

    Run by systemd (clawbot-events.service).
    """
    require_root()
    # only this verb pays for these
    from clawbot_agent.host import system_host  # noqa: PLC0415
    from clawbot_agent.host.systemd import Notifier  # noqa: PLC0415
    from clawbot_agent.lifecycle.shutdown.daemon import ShutdownDaemon  # noqa: PLC0415
    from clawbot_agent.lifecycle.shutdown.instance import ShutdownInstance  # noqa: PLC0415

    host = system_host(deadline=math.inf, canceled=canceled_by_signals())
    ShutdownDaemon(
        host=host,
        machine=ShutdownInstance(host),
        notifier=Notifier.from_environment(),
        report_event=_report_event(host),
    ).run()


def _report_event(host: "Host") -> "ReportEvent":
    from clawbot_agent.host.files import appended, write_console  # noqa: PLC0415 - see above

    def report(event: str, text: str) -> None:
        from clawbot_agent.report.recorders import write_event  # noqa: PLC0415 - when needed

        click.echo(text)
        write_console(CONSOLE, f"clawbot scheduled event: {text}")
        # a full disk must not stop the shutdown
        with contextlib.suppress(OSError), appended(EVENTS_FILE) as file:
            write_event(file, event, time=host.clock.now(), text=text)

    return report
