"""`clawbot-agent run`: bring the machine to where the configuration wants it."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawbot_agent import __version__
from clawbot_agent.cli.common import (
    Exit,
    cancelled_by_signals,
    chosen_stages,
    fail,
    load_or_exit,
    require_root,
    stage_options,
)
from clawbot_agent.paths import CONSOLE, DURATIONS_FILE, EVENTS_FILE, LOCK_FILE, STATUS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from clawbot_agent.config.model import BotConfig
    from clawbot_agent.engine.events import Observer
    from clawbot_agent.engine.graph import AnyStage, Graph
    from clawbot_agent.engine.result import RunStatus
    from clawbot_agent.host import Host

__all__ = ["run"]


@click.command()
@stage_options
@click.option("--json", "as_json", is_flag=True, help="Print the final status as JSON on stdout.")
@click.option("--strict", is_flag=True, help="Exit 1 also when the result is 'degraded'.")
@click.option("--quiet", is_flag=True, help="Tell of no more than the end when nothing changes.")
def run(  # noqa: PLR0913 - one for each option
    *,
    stage: str,
    phase: str | None,
    config_file: Path,
    as_json: bool,
    strict: bool,
    quiet: bool,
) -> None:
    """Do what is needed, and nothing else.

    Each stage looks first, plans, acts and looks again; a second run changes nothing.
    """
    config = load_or_exit(config_file)
    from clawbot_agent.host import system_host  # noqa: PLC0415 - after the config is known good
    from clawbot_agent.host.lock import RunLockedError, run_lock  # noqa: PLC0415 - same
    from clawbot_agent.registry import all_stages  # noqa: PLC0415 - same

    graph = all_stages()
    stages = chosen_stages(graph, stage=stage, phase=phase)
    require_root()
    host = system_host(
        deadline=config.limits.run_deadline,
        cancelled=cancelled_by_signals(),
        guarded=(Path(config.share.path), Path(config.state.path)),
    )
    command = " ".join(sys.argv[1:])
    try:
        with run_lock(LOCK_FILE, clock=host.clock, command=command):
            observers = _observers(host, as_json=as_json, quiet=quiet)
            status = _run(graph, stages, host=host, config=config, reporting=observers)
    except RunLockedError as error:
        fail(str(error), Exit.LOCKED)
    if as_json:
        click.echo(json.dumps(status.document(), indent=2))
    raise click.exceptions.Exit(_exit_code(status, strict=strict))


def _run(
    graph: "Graph",
    stages: "Sequence[AnyStage]",
    *,
    host: "Host",
    config: "BotConfig",
    reporting: "AbstractContextManager[list[Observer]]",
) -> "RunStatus":
    from clawbot_agent.engine.result import RunStatus, StageStatus  # noqa: PLC0415 - see run
    from clawbot_agent.engine.runner import Runner  # noqa: PLC0415 - see run
    from clawbot_agent.host.identity import identity  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.durations import read_durations  # noqa: PLC0415 - see run

    me = identity(host.files)
    usual = read_durations(DURATIONS_FILE, host.files)
    status = RunStatus(
        instance_id=me.instance_id,
        boot_id=me.boot_id,
        agent_version=__version__,
        started=host.clock.now(),
        stages=tuple(
            StageStatus(
                stage.name,
                stage.phase.value,
                title=stage.title,
                expected=usual.get(stage.name, stage.typical),
            )
            for stage in graph.order
        ),
    )
    with reporting as observers:
        runner = Runner(graph, host=host, config=config, status=status, observers=observers)
        return runner.run(stages)


@contextlib.contextmanager
def _observers(host: "Host", *, as_json: bool, quiet: bool) -> "Iterator[list[Observer]]":
    from clawbot_agent.host.streams import appended, write_console  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.durations import Durations  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.event_log import EventLog  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.lines import LineReporter  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.reticent import Reticent  # noqa: PLC0415 - see run
    from clawbot_agent.reporting.status_file import StatusFile  # noqa: PLC0415 - see run

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

            from clawbot_agent.reporting.table import LiveTable  # noqa: PLC0415 - same

            observers.append(open_ones.enter_context(LiveTable(Console())))
        else:
            observers.append(LineReporter(lambda line: click.echo(line, err=as_json), detail=True))
        if quiet:
            observers = [Reticent(observer, end=True) for observer in observers]
            console = Reticent(console, end=False)
        yield [*observers, console]


def _exit_code(status: "RunStatus", *, strict: bool) -> Exit:
    good = {"converged"} if strict else {"converged", "degraded"}
    return Exit.OK if status.result in good else Exit.FAILED
