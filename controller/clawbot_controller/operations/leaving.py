"""Asking an instance to leave in order, before Azure takes its disk away.

Azure announces a reimage to nobody. An instance that leaves in order gives the lease on the memory
back: the next one need not wait two minutes for it, nor work on a copy of the memory.
"""

from typing import Final

from clawbot_controller.azure.errors import AzureError, OperationTimeoutError
from clawbot_controller.azure.instances import Instance, Instances
from clawbot_controller.operations.site import Site

__all__ = ["ask_to_leave", "bring_back"]

_DONE: Final = "CLAWBOT-HAS-LEFT"
# an instance that is still there after that starts the bot again
_MINUTES: Final = 30
_CANCEL: Final = ("/usr/local/bin/clawbot-agent leave --cancel 2>&1",)
_SCRIPT: Final = (f"/usr/local/bin/clawbot-agent leave --minutes {_MINUTES} 2>&1 && echo {_DONE}",)
# sessions may take 330 s to end; Run Command itself takes half a minute
_SECONDS: Final = 600.0
_READY: Final = "ProvisioningState/succeeded"


def ask_to_leave(site: Site, instances: Instances, instance: Instance) -> bool:
    """Have it end its sessions and bring the memory to the share; whether it did.

    What keeps it from that is told, and is no reason not to go on: a broken instance is just what
    one reimages.
    """
    site.tell(f"instance {instance.name} ends its sessions and gives the memory back")
    why = _why_not(instances, instance)
    if why:
        site.tell(
            f"instance {instance.name} did not leave in order: {why}; "
            "the next one waits up to two minutes for the memory"
        )
    return not why


def bring_back(site: Site, instances: Instances, instance: Instance, why: AzureError) -> None:
    """After a reimage that came to nothing: the instance that has left is to serve again."""
    later = f"instance {instance.name} serves again within {_MINUTES} minutes"
    if isinstance(why, OperationTimeoutError):
        # Azure may be at it: a bot that starts now would be cut
        site.tell(f"{later}, unless it is reimaged by then")
        return
    site.tell(f"instance {instance.name} is called back")
    try:
        instances.run(instance, _CANCEL, within=_SECONDS)
    except AzureError as error:
        site.tell(f"{later}; it could not be called back: {error.message}")


def _why_not(instances: Instances, instance: Instance) -> str:
    """What kept it; empty when it has left."""
    try:
        agent = instances.view(instance).get("vmAgent") or {}
        if not any(one.get("code") == _READY for one in agent.get("statuses") or ()):
            return "Azure's agent on it does not answer"
        said = instances.run(instance, _SCRIPT, within=_SECONDS)
    except AzureError as error:
        return error.message
    lines = [line for line in said.splitlines() if line.strip()]
    if _DONE in lines:
        return ""
    told = (line for line in reversed(lines) if not line.startswith(("[stderr]", "next: ")))
    return next(told, "it said nothing")
