"""Whether what is there already was made for this bot: nothing else is changed or deleted."""

from typing import Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.errors import NotOursError
from clawbot_controller.deployment.names import BotNames, SharedNames
from clawbot_controller.model.bot import BOT_TAG
from clawbot_controller.model.shared import GROUP_TAG
from clawbot_controller.operations.site import Site

__all__ = ["check_own", "check_owned", "check_shared"]

_ANY: Final = None


def check_own(site: Site) -> dict[str, Found]:
    """What is there of the bot's own, by id; refuses where that belongs to something else.

    Raises:
        NotOursError: naming it.
        AzureError: see its subclasses.
    """
    there: dict[str, Found] = {}
    for resource_id in _own_ids(site.names):
        found = site.arm.get(resource_id)
        if found is not None:
            check_owned(site, found)
            there[resource_id] = found
    return there


def check_owned(site: Site, found: Found) -> None:
    """Refuse a resource that was not made for the bot.

    Raises:
        NotOursError: it has not the bot's tag.
    """
    _check(found, BOT_TAG, site.names.bot)


def check_shared(site: Site) -> None:
    """Refuse to go on where a name of what bots share belongs to something else.

    Raises:
        NotOursError: naming it.
        AzureError: see its subclasses.
    """
    for resource_id in _shared_ids(site.shared):
        found = site.arm.get(resource_id)
        if found is not None:
            _check(found, GROUP_TAG, _ANY)


def _own_ids(names: BotNames) -> tuple[str, ...]:
    return names.scale_set_id, names.identity_id, names.account_id, names.prefix_id


def _shared_ids(names: SharedNames) -> tuple[str, ...]:
    return names.security_group_id, names.network_id, names.vault_id


def _check(found: Found, tag: str, wanted: str | None) -> None:
    # Azure folds the case of tags' names
    tags = {name.lower(): value for name, value in (found.get("tags") or {}).items()}
    if tag in tags and wanted in {_ANY, tags[tag]}:
        return
    kind = str(found.get("type") or "").rpartition("/")[2]
    needed = f"{tag}: {wanted}" if wanted else tag
    msg = f"{kind} {found.get('name')} is there, but not with the tag {needed}: left alone"
    raise NotOursError(msg)
