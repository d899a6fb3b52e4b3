"""The bots that a command is about: their files, and the doors to where they are in Azure."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from azure.identity import DefaultAzureCredential

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.azure.credential import Cached
from clawbot_controller.cli.common import load, teller
from clawbot_controller.operations.fleet import for_each
from clawbot_controller.operations.site import Site, site_of

__all__ = ["azure", "each_bot", "sites_of"]

# the Azure CLI on a slow machine, started for a token
_LOGIN_SECONDS: Final = 60
_ResultT = TypeVar("_ResultT")


def azure() -> Cloud:
    """Azure with the credentials of this machine."""
    # azure-identity tells at length what it tried; the error says it in a line
    logging.getLogger("azure").addHandler(logging.NullHandler())
    logging.getLogger("azure").propagate = False
    return Cloud(credential=Cached(DefaultAzureCredential(process_timeout=_LOGIN_SECONDS)))


def sites_of(paths: Sequence[Path]) -> dict[str, Site]:
    """The site of each file's bot, by name, with progress on stderr."""
    deployments = load(paths)
    cloud = azure()
    return {one.name: site_of(one, cloud, teller(one.name)) for one in deployments}


def each_bot(
    paths: Sequence[Path], work: Callable[[Site], _ResultT]
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for each file's bot at once."""
    return for_each(sites_of(paths), work)
