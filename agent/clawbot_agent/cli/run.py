"""`clawbot-agent run`: bring the machine to where the configuration wants it."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawbot_agent.cli.common import (
    Exit,
    cancelled_by_signals,
    chosen_stages,
    fail,
    load_or_exit,
    require_root,
    stage_options,
)
from clawbot_agent.core.paths import (
    CONSOLE,
    DURATIONS_FILE,
    EVENTS_FILE,
    LOCK_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clawbot_agent.config.model import BotConfig
    from clawbot_agent.engine.events import Observer
    from clawbot_agent.host import Host
    from clawbot_agent.records.status import RunStatus

__all__ = ["run"]


@click.command()
@stage_options
@click.option("--json", "as_json", is_flag=True, help="Print the final status as JSON on stdout.")
@click.option("--strict", is_flag=True, help="Exit 1 also when the result is 'degraded'.")
@click.option("--quiet", is_flag=True, help="Tell of no more than the end when nothing changes.")
@click.option("--paced", is_flag=True, help="Let rest what failed or was repaired lately.")
def run(  # noqa: PLR0913 - one for each option
    *,
    stage: str,
    phase: str | None,
    config_file: Path,
    as_json: bool,
    strict: bool,
    quiet: bool,
    paced: bool,
) -> None:
    """Do what is needed, and nothing else.

    Each stage looks first, plans, acts and looks again; a second run changes nothing.
    """
    config = load_or_exit(config_file)
    from clawbot_agent.cli.bot_run import BotRun  # noqa: PLC0415 - after the config is known good
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - same
    from clawbot_agent.host.lock import RunLockedError, run_lock  # noqa: PLC0415 - same

    graph = all_stages()
    stages = chosen_stages(graph, stage=stage, phase=phase)
    require_root()
    host = _host(config)
    try:
        with run_lock(LOCK_FILE, clock=host.clock, command=" ".join(sys.argv[1:])):
            # under the lock: who announces it later sees this run and ends it
            _require_staying(host)
            with _observers(host, as_json=as_json, quiet=quiet) as observers:
                bot = BotRun(graph=graph, stages=stages, host=host, config=config, paced=paced)
                status = bot(observers)
    except RunLockedError as error:
        fail(str(error), Exit.LOCKED)
    if as_json:
        click.echo(json.dumps(status.document(), indent=2))
    raise click.exceptions.Exit(_exit_code(status, strict=strict))


def _host(config: "BotConfig") -> "Host":
    from clawbot_agent.host import system_host  # noqa: PLC0415 - see run

    return system_host(
        deadline=config.limits.run_deadline,
        cancelled=cancelled_by_signals(),
        guarded=(Path(config.share.path), Path(config.state.path)),
    )


def _require_staying(host: "Host") -> None:
    """Exit 4 when Azure is about to take the instance away: nothing may start the gateway."""
    from clawbot_agent.lifecycle.shutdown.errors import InstanceLeavingError  # noqa: PLC0415 - see run
    from clawbot_agent.lifecycle.shutdown.report import read_report  # noqa: PLC0415 - see run

    report = read_report(host.files)
    if report is not None and report.leaving:
        error = InstanceLeavingError(f"this instance leaves: {report.text}")
        fail(f"{error.code}: {error.message}\nnext: {error.hint}", Exit.LOCKED)


@contextlib.contextmanager
def _observers(host: "Host", *, as_json: bool, quiet: bool) -> "Iterator[list[Observer]]":
    from clawbot_agent.host.streams import appended, write_console  # noqa: PLC0415 - see run
    from clawbot_agent.report.durations import Durations  # noqa: PLC0415 - see run
    from clawbot_agent.report.event_log import EventLog  # noqa: PLC0415 - see run
    from clawbot_agent.report.lines import LineReporter  # noqa: PLC0415 - see run
    from clawbot_agent.report.quiet import Reticent  # noqa: PLC0415 - see run
    from clawbot_agent.report.self_repairs import SelfRepairs  # noqa: PLC0415 - see run
    from clawbot_agent.report.status_file import StatusFile  # noqa: PLC0415 - see run

    with contextlib.ExitStack() as open_ones:
        console: Observer = LineReporter(
            lambda line: write_console(CONSOLE, f"clawbot {line}"), detail=False
        )
        observers: list[Observer] = [
            StatusFile(STATUS_FILE, host.files),
            EventLog(open_ones.enter_context(appended(EVENTS_FILE))),
            Durations(DURATIONS_FILE, host.files),
        ]
        if not as_json and sys.stdout.isatty():
            from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it

            from clawbot_agent.report.table import LiveTable  # noqa: PLC0415 - same

            observers.append(open_ones.enter_context(LiveTable(Console())))
        else:
            observers.append(LineReporter(lambda line: click.echo(line, err=as_json), detail=True))
        if quiet:
            observers = [Reticent(observer, end=True) for observer in observers]
            console = Reticent(console, end=False)
        yield [*observers, console, SelfRepairs(SELF_REPAIRS_FILE, host.files)]


def _exit_code(status: "RunStatus", *, strict: bool) -> Exit:
    good = {"converged"} if strict else {"converged", "degraded"}
    return Exit.OK if status.result in good else Exit.FAILED
