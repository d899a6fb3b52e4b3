"""What an edited file asks of a bot that is there already, beyond a change of its resources."""

from collections.abc import Mapping

from clawbot_controller.azure.arm import Found
from clawbot_controller.errors import ShareInUseError
from clawbot_controller.operations.site import Site

__all__ = ["check_edits"]


def check_edits(site: Site, there: Mapping[str, Found]) -> None:
    """Refuse an edit that would hurt the running bot; tell of what the file no longer names.

    Args:
        site: the bot.
        there: what there is of its own, by id.

    Raises:
        ShareInUseError: an instance mounts the share in the way that is to go.
    """
    _check_share(site, there)
    target = site.deployment.target
    if target.address != "prefix" and site.names.prefix_id in there:
        name = site.names.prefix_id.rpartition("/")[2]
        told = f"the reserved addresses {name} are still there, billed, and no longer asked for"
        site.tell(f"{told}: delete them once no instance has one of them ('destroy' does)")


def _check_share(site: Site, there: Mapping[str, Found]) -> None:
    machine, account = there.get(site.names.scale_set_id), there.get(site.names.account_id)
    if machine is None or account is None or not (machine.get("sku") or {}).get("capacity"):
        return
    # null is Azure's word for yes
    by_key = (account.get("properties") or {}).get("allowSharedKeyAccess") is not False
    wanted = site.deployment.config.share.auth
    if by_key is (wanted == "account-key"):
        return
    have = "account-key" if by_key else "managed-identity"
    msg = (
        f"bot.share.auth: {have} → {wanted} while there is an instance, which would lose its memory"
    )
    raise ShareInUseError(msg)
