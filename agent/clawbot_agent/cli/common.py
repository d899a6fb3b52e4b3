"""What several verbs share: exit codes, options, loading the configuration."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.paths import CONFIG_FILE

if TYPE_CHECKING:
    from clawbot_agent.config.model import BotConfig
    from clawbot_agent.engine.graph import AnyStage, Graph

__all__ = [
    "Exit",
    "cancelled_by_signals",
    "chosen_stages",
    "fail",
    "load_or_exit",
    "require_root",
    "stage_options",
]

_CommandT = TypeVar("_CommandT", bound=Callable[..., object])


class Exit(IntEnum):
    """Exit codes; a promise to operators."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    LOCKED = 4


def stage_options(command: _CommandT) -> _CommandT:
    """The options by which `run` and `plan` choose stages and configuration."""
    options = (
        click.option(
            "--stage",
            "stage",
            default="all",
            metavar="all|NAME,NAME",
            show_default=True,
            help="Which stages, by name.",
        ),
        click.option(
            "--phase",
            type=click.Choice(["base", "node"]),
            help="Only stages of this phase; 'base' needs no identity (for image bakes).",
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            default=CONFIG_FILE,
            show_default=True,
            help="The bot's configuration.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def fail(message: str, code: Exit) -> NoReturn:
    """Say `message` on stderr and end with `code`."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


def require_root() -> None:
    """Refuse to go on as anybody else."""
    if os.geteuid() != 0:
        fail("clawbot-agent works on the whole machine: run it as root (sudo)", Exit.USAGE)


def load_or_exit(path: Path) -> "BotConfig":
    """The configuration; else `path: problem` lines on stderr and exit 2."""
    from clawbot_agent.config.load import load_config  # noqa: PLC0415 - loads pydantic

    try:
        return load_config(path)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(Exit.USAGE)


def chosen_stages(graph: "Graph", *, stage: str, phase: str | None) -> "Sequence[AnyStage]":
    """The stages that --stage and --phase ask for; exit 2 for a name that none has."""
    from clawbot_agent.engine.graph import GraphError  # noqa: PLC0415 - loads pydantic
    from clawbot_agent.engine.stage import Phase  # noqa: PLC0415 - same

    names = None if stage == "all" else [name.strip() for name in stage.split(",")]
    try:
        return graph.choose(names, phase=None if phase is None else Phase(phase))
    except GraphError as error:
        fail(f"--stage: {error}", Exit.USAGE)


def cancelled_by_signals() -> threading.Event:
    """An event that SIGTERM, SIGINT and SIGHUP set; the same one again ends the process."""
    event = threading.Event()

    def note(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, signal.SIG_DFL)

    # SIGHUP: the operator's connection was lost
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    return event
