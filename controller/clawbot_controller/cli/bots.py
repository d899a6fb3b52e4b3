"""The bots of a command: their deployment files and access to Azure."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from azure.identity import DefaultAzureCredential

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.azure.credentials import CachedCredential
from clawbot_controller.cli.common import load, reporter
from clawbot_controller.operations.context import BotContext, context_of
from clawbot_controller.operations.parallel import for_each

# for starting the Azure CLI on a slow computer
_LOGIN_SECONDS: Final = 60
_ResultT = TypeVar("_ResultT")


def azure() -> Cloud:
    """Return Azure with the credentials of this computer."""
    # azure-identity logs every attempt at length; the error has one line
    logging.getLogger("azure").addHandler(logging.NullHandler())
    logging.getLogger("azure").propagate = False
    credential = DefaultAzureCredential(process_timeout=_LOGIN_SECONDS)
    return Cloud(credential=CachedCredential(credential))


def contexts_of(paths: Sequence[Path]) -> dict[str, BotContext]:
    """Return the context of each file's bot by name, with progress on stderr."""
    deployments = load(paths)
    cloud = azure()
    return {one.name: context_of(one, cloud, reporter(one.name)) for one in deployments}


def each_bot(
    paths: Sequence[Path], work: Callable[[BotContext], _ResultT]
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for all files' bots in parallel."""
    return for_each(contexts_of(paths), work)
