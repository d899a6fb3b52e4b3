"""`clawbot-agent run`: converge this instance."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawbot_agent.cli.common import (
    Exit,
    canceled_by_signals,
    chosen_stages,
    fail,
    load_or_exit,
    require_root,
    stage_options,
)
from clawbot_agent.core.paths import CONSOLE, EVENTS_FILE, LOCK_FILE
from clawbot_agent.core.text import error_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clawbot_agent.config.model import BotConfig
    from clawbot_agent.engine.events import Observer
    from clawbot_agent.host import Host
    from clawbot_agent.records.run import RunStatus


@click.command()
@stage_options
@click.option("--json", "as_json", is_flag=True, help="Print the final status as JSON on stdout.")
@click.option("--strict", is_flag=True, help="Exit 1 also when the result is 'degraded'.")
@click.option("--quiet", is_flag=True, help="Print only the final result when nothing changes.")
@click.option(
    "--back-off", is_flag=True, help="Skip stages that are backing off after a failure or a repair."
)
def run(  # noqa: PLR0913 - one for each option
    *,
    stage: str,
    phase: str | None,
    config_file: Path,
    as_json: bool,
    strict: bool,
    quiet: bool,
    back_off: bool,
) -> None:
    """Converge this instance: apply every stage whose plan is not empty.

    Each stage probes, plans, applies and probes again; a second run changes nothing.
    """
    config = load_or_exit(config_file)
    from clawbot_agent.cli.bot_run import BotRun  # noqa: PLC0415 - after the config is known good
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - same
    from clawbot_agent.host.lock import RunLockedError, run_lock  # noqa: PLC0415 - same
    from clawbot_agent.records.record import text_of  # noqa: PLC0415 - same

    graph = all_stages()
    stages = chosen_stages(graph, stage=stage, phase=phase)
    require_root()
    host = _host(config)
    try:
        with run_lock(LOCK_FILE, clock=host.clock, command=" ".join(sys.argv[1:])):
            # under the lock: a shutdown announced from now on finds this run and stops it
            _require_staying(host)
            with _observers(host, as_json=as_json, quiet=quiet) as observers:
                bot = BotRun(graph, stages, host=host, config=config, back_off=back_off)
                status = bot(observers)
    except RunLockedError as error:
        fail(str(error), Exit.LOCKED)
    if as_json:
        click.echo(text_of(status))
    raise click.exceptions.Exit(_exit_code(status, strict=strict))


def _host(config: "BotConfig") -> "Host":
    from clawbot_agent.host import system_host  # noqa: PLC0415 - see run

    return system_host(
        deadline=config.limits.run_deadline,
        canceled=canceled_by_signals(),
        guarded=(Path(config.share.path), Path(config.state.path)),
    )


def _require_staying(host: "Host") -> None:
    """Exit 4 when the instance is shutting down: nothing may start the gateway."""
    from clawbot_agent.lifecycle.shutdown.errors import InstanceLeavingError  # noqa: PLC0415 - see run
    from clawbot_agent.records.shutdown import SHUTDOWN  # noqa: PLC0415 - see run

    report = SHUTDOWN.load(host.files)
    if report is not None and report.leaving:
        error = InstanceLeavingError(f"this instance is shutting down: {report.text}")
        fail(error_text(error), Exit.LOCKED)


@contextlib.contextmanager
def _observers(host: "Host", *, as_json: bool, quiet: bool) -> "Iterator[list[Observer]]":
    from clawbot_agent.host.files import appended, write_console  # noqa: PLC0415 - see run
    from clawbot_agent.report import recorders  # noqa: PLC0415 - see run
    from clawbot_agent.report.lines import LineReporter  # noqa: PLC0415 - see run
    from clawbot_agent.report.quiet import Quiet  # noqa: PLC0415 - see run

    with contextlib.ExitStack() as stack:
        console: Observer = LineReporter(
            lambda line: write_console(CONSOLE, f"clawbot {line}"), detail=False
        )
        observers: list[Observer] = [
            recorders.StatusRecorder(host.files),
            recorders.EventLog(stack.enter_context(appended(EVENTS_FILE))),
            recorders.DurationRecorder(host.files),
        ]
        if not as_json and sys.stdout.isatty():
            from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it

            from clawbot_agent.report.table import LiveTable  # noqa: PLC0415 - same

            observers.append(stack.enter_context(LiveTable(Console())))
        else:
            observers.append(LineReporter(lambda line: click.echo(line, err=as_json), detail=True))
        if quiet:
            observers = [Quiet(observer, end=True) for observer in observers]
            console = Quiet(console, end=False)
        yield [*observers, console, recorders.SelfRepairRecorder(host.files)]


def _exit_code(status: "RunStatus", *, strict: bool) -> Exit:
    good = status.result == "converged" or (status.result.good and not strict)
    return Exit.OK if good else Exit.FAILED
