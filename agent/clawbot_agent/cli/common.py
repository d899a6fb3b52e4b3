"""Shared by the verbs: exit codes, errors, options, loading the configuration."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CONFIG_FILE
from clawbot_agent.core.text import error_text

if TYPE_CHECKING:
    from clawbot_agent.config.model import BotConfig
    from clawbot_agent.engine.stage import AnyStage, Graph

_CommandT = TypeVar("_CommandT", bound=Callable[..., object])


class Exit(IntEnum):
    """Exit codes; a promise to operators."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    LOCKED = 4


def stage_options(command: _CommandT) -> _CommandT:
    """Add the options with which `run` and `plan` choose stages and configuration."""
    options = (
        click.option(
            "--stage",
            "stage",
            default="all",
            metavar="all|NAME,NAME",
            show_default=True,
            help="Stages to work on, by name.",
        ),
        click.option(
            "--phase",
            type=click.Choice(["base", "node"]),
            help="Only stages of this phase; 'base' needs no identity, for VM images.",
        ),
        config_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def config_option(command: _CommandT) -> _CommandT:
    """Add the option with the configuration's path."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        default=CONFIG_FILE,
        show_default=True,
        help="The bot's configuration.",
    )(command)


def fail(message: str, code: Exit) -> NoReturn:
    """Print `message` on stderr and exit with `code`."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


@contextlib.contextmanager
def errors_reported(code: Exit = Exit.FAILED) -> Iterator[None]:
    """Print an error that the block raises, with its hint, and exit with `code`."""
    try:
        yield
    except ClawbotError as error:
        fail(error_text(error), code)


def require_root() -> None:
    """Exit 2 unless the process runs as root."""
    if os.geteuid() != 0:
        fail("this command needs root: run it with sudo", Exit.USAGE)


def load_or_exit(path: Path) -> "BotConfig":
    """Return the configuration; else print `path: problem` lines on stderr and exit 2."""
    from clawbot_agent.config.load import load_config  # noqa: PLC0415 - loads pydantic

    try:
        return load_config(path)
    except ConfigError as error:
        fail("\n".join(map(str, error.problems)), Exit.USAGE)


def chosen_stages(graph: "Graph", *, stage: str, phase: str | None) -> "Sequence[AnyStage]":
    """Return the stages that --stage and --phase select; exit 2 for an unknown name."""
    from clawbot_agent.engine.stage import GraphError, Phase  # noqa: PLC0415 - loads pydantic

    names = None if stage == "all" else [name.strip() for name in stage.split(",")]
    try:
        return graph.choose(names, phase=None if phase is None else Phase(phase))
    except GraphError as error:
        fail(f"--stage: {error}", Exit.USAGE)


def canceled_by_signals() -> threading.Event:
    """Return an event that SIGTERM, SIGINT and SIGHUP set; a second signal ends the process."""
    event = threading.Event()

    def note(number: int, _frame: object) -> None:
        event.set()
        signal.signal(number, signal.SIG_DFL)

    # SIGHUP: the operator's connection was lost
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    return event
