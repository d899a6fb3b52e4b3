"""`clawbot-controller destroy`: take bots away."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import click

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.cli.bots import sites_of
from clawbot_controller.cli.common import done, files, reported
from clawbot_controller.errors import DestroyNotConfirmedError
from clawbot_controller.operations.destroy import destroy as take_away
from clawbot_controller.operations.destroy import destroy_shared
from clawbot_controller.operations.fleet import for_each
from clawbot_controller.operations.site import Site


@click.command()
@files
@click.option("--delete-data", is_flag=True, help="Delete the memory and the secrets as well.")
@click.option(
    "--confirm", "confirmed", multiple=True, metavar="NAME", help="A bot whose memory may go."
)
def destroy(*, files: tuple[Path, ...], delete_data: bool, confirmed: tuple[str, ...]) -> None:
    """Take bots away; the memory and the secrets stay unless they are asked for by name.

    With --delete-data the bot's name has to be typed, or given as --confirm NAME; with the last
    bot of a resource group go network, vault and, if the controller made it, the group.
    """
    sites = sites_of(files)

    def work(site: Site) -> bool:
        if delete_data and site.deployment.name not in agreed:
            msg = f"the memory of {site.deployment.name} is not to be deleted"
            raise DestroyNotConfirmedError(msg)
        return take_away(site, delete_data=delete_data)

    agreed = {name for name in sites if name in confirmed or (delete_data and _typed(name))}
    there = for_each(sites, work)
    outcomes: dict[str, object] = {**there, **(_shared(sites, there) if delete_data else {})}
    for name in reported(outcomes):
        click.echo(f"{name}: {_told(sites[name], there=bool(there[name]), whole=delete_data)}")
    done(outcomes)


def _told(site: Site, *, there: bool, whole: bool) -> str:
    if not there:
        return f"nothing of it is in the resource group {site.names.place.resource_group}"
    return "destroyed" if whole else "destroyed, but for its data"


def _typed(name: str) -> bool:
    question = f"type the name of the bot whose memory is to be deleted for good ({name})"
    try:
        return str(click.prompt(question, default="", show_default=False, err=True)) == name
    except click.Abort:
        # somebody who interrupts wants none of it, not even what was typed already
        if _at_a_terminal():
            raise
        return False


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _shared(
    sites: Mapping[str, Site], outcomes: Mapping[str, object]
) -> dict[str, ClawbotError | None]:
    """Each group's shared part, once all its bots are gone; an error is told of the first bot."""
    groups: defaultdict[object, list[Site]] = defaultdict(list)
    for site in sites.values():
        groups[site.names.place].append(site)
    gone = {
        group[0].deployment.name: group
        for group in groups.values()
        if not any(isinstance(outcomes[one.deployment.name], ClawbotError) for one in group)
    }
    return for_each(gone, destroy_shared)
