"""Shared by all commands: deployment files, output and exit codes. Does not need the Azure SDK."""

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
from clawbot_controller.deployment.file import Deployment, load_deployment
from clawbot_controller.deployment.names import Place

_CommandT = TypeVar("_CommandT", bound=Callable[..., None])
_ResultT = TypeVar("_ResultT")
_OUTPUT: Final = threading.Lock()


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3


def files(command: _CommandT) -> _CommandT:
    """Add the argument FILES: one deployment file for each bot."""
    kind = click.Path(path_type=Path)
    return click.argument("files", nargs=-1, required=True, type=kind)(command)


def fail(message: str, code: Exit) -> NoReturn:
    """Print a message on stderr and exit."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(code)


def load(paths: Sequence[Path]) -> tuple[Deployment, ...]:
    """Return the deployments of all files; exit 2 with every problem if one is invalid."""
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
    problems += [f"bot.name: {name} is used by two bots" for name in twice]
    problems += _region_conflicts(found)
    if problems:
        fail("\n".join(problems), Exit.USAGE)
    return tuple(found)


def _region_conflicts(found: Sequence[Deployment]) -> Iterator[str]:
    regions: defaultdict[Place, set[str]] = defaultdict(set)
    for one in found:
        target = one.target
        regions[Place(target.subscription, target.resource_group)].add(target.region)
    for place, names in regions.items():
        if len(names) > 1:
            used = f"the bots of the resource group {place.resource_group} share a network"
            listed = ", ".join(sorted(names))
            yield f"azure.region: {used}, but use {listed}; choose a group for each region"


def reported(outcomes: Mapping[str, _ResultT | ClawbotError]) -> dict[str, _ResultT]:
    """Return the results; print each error on stderr."""
    for name, outcome in outcomes.items():
        if isinstance(outcome, ClawbotError):
            _print(name, error_text(outcome, between=f"\n{name}: "))
    return {name: one for name, one in outcomes.items() if not isinstance(one, ClawbotError)}


def done(outcomes: Mapping[str, object]) -> NoReturn:
    """Exit 0, or 1 if any bot failed."""
    failed = any(isinstance(one, ClawbotError) for one in outcomes.values())
    raise click.exceptions.Exit(Exit.FAILED if failed else Exit.OK)


def reporter(name: str) -> Callable[[str], None]:
    """Return a function that prints lines about one bot on stderr."""
    return lambda line: _print(name, line)


def _print(name: str, line: str) -> None:
    # several bots write at the same time
    with _OUTPUT:
        click.echo(f"{name}: {line}", err=True)
