"""What the verbs share: reading files, doors to Azure, progress, and how a command ends."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click

from clawbot_agent.config.problems import ConfigError
from clawbot_agent.errors import ClawbotError
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.deployment.load import Deployment, load_deployment
from clawbot_controller.fleet import for_each
from clawbot_controller.site import Site, site_of

__all__ = ["Exit", "azure", "done", "each_bot", "fail", "files", "load", "reported", "sites_of"]

_CommandT = TypeVar("_CommandT", bound=Callable[..., None])
_ResultT = TypeVar("_ResultT")
_OUTPUT: Final = threading.Lock()


class Exit(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3


def files(command: _CommandT) -> _CommandT:
    """Add the argument FILES: one deployment file for each bot."""
    kind = click.Path(path_type=Path)
    return click.argument("files", nargs=-1, required=True, type=kind)(command)


def fail(message: str, code: Exit) -> NoReturn:
    """Say why on stderr and end."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


def load(paths: Sequence[Path]) -> tuple[Deployment, ...]:
    """Read every file; whatever is wrong with any of them ends the command before it begins."""
    found: list[Deployment] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.append(load_deployment(path))
        except ConfigError as error:
            prefix = f"{path}: " if len(paths) > 1 else ""
            problems += [f"{prefix}{problem}" for problem in error.problems]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [f"bot.name: {name} is the name of two bots" for name in twice]
    if problems:
        fail("\n".join(problems), Exit.USAGE)
    return tuple(found)


def azure() -> Cloud:
    """Azure with the credentials of this machine."""
    # azure-identity tells at length what it tried; the error says it in a line
    logging.getLogger("azure").addHandler(logging.NullHandler())
    logging.getLogger("azure").propagate = False
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - takes half a second

    return Cloud(credential=DefaultAzureCredential())


def sites_of(paths: Sequence[Path]) -> dict[str, Site]:
    """The site of each file's bot, by name, with progress on stderr."""
    deployments = load(paths)
    cloud = azure()
    return {one.name: site_of(one, cloud, _teller(one.name)) for one in deployments}


def each_bot(
    paths: Sequence[Path], work: Callable[[Site], _ResultT]
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for each file's bot at once."""
    return for_each(sites_of(paths), work)


def reported(outcomes: Mapping[str, _ResultT | ClawbotError]) -> dict[str, _ResultT]:
    """What went well; each error is told on stderr."""
    for name, outcome in outcomes.items():
        if isinstance(outcome, ClawbotError):
            _tell(name, f"{outcome.code}: {outcome.message}\n{name}: next: {outcome.hint}")
    return {name: one for name, one in outcomes.items() if not isinstance(one, ClawbotError)}


def done(outcomes: Mapping[str, object]) -> NoReturn:
    """End with 0, or with 1 when any bot failed."""
    failed = any(isinstance(one, ClawbotError) for one in outcomes.values())
    raise click.exceptions.Exit(Exit.FAILED if failed else Exit.OK)


def _teller(name: str) -> Callable[[str], None]:
    return lambda line: _tell(name, line)


def _tell(name: str, line: str) -> None:
    # bots are at work at the same time: a line stays a line
    with _OUTPUT:
        click.echo(f"{name}: {line}", err=True)
