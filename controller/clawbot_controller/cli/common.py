"""What all verbs share: reading files, telling, and how a command ends. Knows nothing of Azure."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click

from clawbot_agent.config.problems import ConfigError
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.text import error_text
from clawbot_controller.deployment.load import Deployment, load_deployment

__all__ = ["Exit", "done", "fail", "files", "load", "reported", "teller"]

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
    problems += _scattered(found)
    if problems:
        fail("\n".join(problems), Exit.USAGE)
    return tuple(found)


def _scattered(found: Sequence[Deployment]) -> Iterator[str]:
    regions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        target = one.target
        # Azure's names of groups ignore case
        regions[target.subscription, target.resource_group.lower()].add(target.region)
    for (_, group), names in regions.items():
        if len(names) > 1:
            where = f"are regions of bots in the resource group {group}"
            told = f"{', '.join(sorted(names))} {where}, which share a network"
            yield f"azure.region: {told}: give them groups of their own"


def reported(outcomes: Mapping[str, _ResultT | ClawbotError]) -> dict[str, _ResultT]:
    """What went well; each error is told on stderr."""
    for name, outcome in outcomes.items():
        if isinstance(outcome, ClawbotError):
            _tell(name, error_text(outcome, between=f"\n{name}: "))
    return {name: one for name, one in outcomes.items() if not isinstance(one, ClawbotError)}


def done(outcomes: Mapping[str, object]) -> NoReturn:
    """End with 0, or with 1 when any bot failed."""
    failed = any(isinstance(one, ClawbotError) for one in outcomes.values())
    raise click.exceptions.Exit(Exit.FAILED if failed else Exit.OK)


def teller(name: str) -> Callable[[str], None]:
    """Tells lines about one bot, on stderr."""
    return lambda line: _tell(name, line)


def _tell(name: str, line: str) -> None:
    # bots are at work at the same time: a line stays a line
    with _OUTPUT:
        click.echo(f"{name}: {line}", err=True)
