"""`start`, `stop` and `reimage`: changes of the instance; a reimage follows an orderly shutdown.

Azure sends no scheduled event before a reimage. An instance that shuts down in order releases the
lease, so the next one need not wait up to 2 min for it, nor work on a copy of the bot data.
"""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_controller.azure.errors import AzureError, OperationTimeoutError
from clawbot_controller.azure.instances import Instance, Instances
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.model.resource import Found, value_at
from clawbot_controller.operations.checks import check_edit, check_own, check_owned
from clawbot_controller.operations.context import BotContext
from clawbot_controller.operations.reconcile import Action, Step

STOPPED: Final = frozenset({"deallocated", "deallocating", "stopped", "stopping"})
_LEFT: Final = "CLAWBOT-HAS-LEFT"
# an instance that still exists afterwards starts the bot again
_LEAVE_MINUTES: Final = 30
_LEAVE: Final = (
    f"/usr/local/bin/clawbot-agent leave --minutes {_LEAVE_MINUTES} 2>&1 && echo {_LEFT}",
)
_CANCEL_LEAVE: Final = ("/usr/local/bin/clawbot-agent leave --cancel 2>&1",)
# sessions may take 330 s to drain, Run Command itself half a minute
_LEAVE_SECONDS: Final = 600.0
_AGENT_READY: Final = "ProvisioningState/succeeded"


@dataclass(frozen=True, slots=True)
class InstanceStates:
    """The state of a bot's scale set and its instances.

    Attributes:
        capacity: desired number of instances; None without a scale set.
        stopped: instances that exist and do not run.
        outdated: instances with an older model.
        suspended: automatic repairs are suspended.
    """

    capacity: int | None
    stopped: tuple[Instance, ...] = ()
    outdated: tuple[Instance, ...] = ()
    suspended: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """What `up` does about it."""
        if self.stopped:
            text = "start the stopped instance"
        elif self.suspended and self.capacity:
            text = "resume the suspended automatic repairs"
        else:
            return ()
        return (Step(name="instance", description=text, action=Action.CHANGE),)


def instance_states(bot: BotContext) -> InstanceStates:
    """Read the state of the bot's instances."""
    found = bot.arm.get(bot.names.scale_set_id)
    if found is None:
        return InstanceStates(None)
    instances = bot.instances(found)
    existing = instances.all()
    return InstanceStates(
        capacity=capacity_of(found),
        stopped=tuple(one for one in existing if power_of(instances.view(one)) in STOPPED),
        outdated=tuple(one for one in existing if not one.latest_model),
        suspended=repairs_suspended(bot),
    )


def ensure_started(bot: BotContext) -> tuple[Step, ...]:
    """Start stopped instances and resume repairs: the last step of `up`."""
    states = instance_states(bot)
    if states.steps:
        _start(bot, states)
    if states.outdated:
        bot.report("the instance still has the previous model; run 'reimage' to update it")
    return states.steps


def start(bot: BotContext) -> None:
    """Start the instance, or create one if there is none.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(bot)
    if not capacity_of(found):
        bot.report("create an instance")
        _scale(bot, found, 1)
    _start(bot, instance_states(bot))
    bot.report("started")


def stop(bot: BotContext) -> None:
    """Deallocate the instance: the machine is no longer billed; disk and address are.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(bot)
    instances = bot.instances(found)
    # otherwise Azure would repair the stopped instance; the file may have been edited since 'up'
    enabled = value_at(found, "properties", "automaticRepairsPolicy", "enabled")
    if enabled and not repairs_suspended(bot):
        instances.set_repairs(on=False)
    for one in instances.all():
        if power_of(instances.view(one)) != "deallocated":
            bot.report(f"deallocate instance {one.name}")
            instances.deallocate(one)
    bot.report("stopped: the machine is no longer billed; its disk and address are")


def stop_to_zero(bot: BotContext) -> None:
    """Delete the instance with its disk and address; the bot data is on the share.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(bot)
    if capacity_of(found):
        bot.report("delete the instance with its disk and address")
        _scale(bot, found, 0)
    kept = bot.deployment.target.address == "prefix"
    address = "reserved addresses are kept and billed" if kept else "the address is released"
    bot.report(f"stopped: no instance and no disk; {address}")


def reimage(bot: BotContext, *, now: bool = False) -> None:
    """Give the instance a new OS disk from the current model; the bot data is on the share.

    In a flexible set only the custom data changes, to that of the file. A running instance shuts
    down in order first, unless `now`.

    Raises:
        NotDeployedError: there is no scale set, or no instance in it.
        ShareInUseError: with the edited file, the instance would lose its bot data.
    """
    instances = bot.instances(_scale_set(bot))
    found = instances.all()
    if not found:
        msg = f"{bot.deployment.name}: no instance"
        raise NotDeployedError(msg, hint="run 'clawbot-controller start' first")
    if instances.flexible:
        # with the file's custom data the instance gets the edit that 'up' refuses
        check_edit(bot, check_own(bot))
    custom_data = bot.custom_data()
    for one in found:
        instances.update(one)
        orderly = not now and power_of(instances.view(one)) == "running"
        left = orderly and _shut_down(bot, instances, one)
        bot.report(f"reimage instance {one.name}")
        try:
            instances.reimage(one, custom_data)
        except AzureError as error:
            if left:
                _cancel_leave(bot, instances, one, error)
            raise
    bot.report("reimaged; run 'status' for the progress of the new instance")


def power_of(view: Found) -> str | None:
    """Return the power state in an instance view, such as "running"; None if unknown."""
    return code_of(view.get("statuses"), "PowerState")


def code_of(statuses: Any, kind: str) -> str | None:  # noqa: ANN401 - JSON
    """Return the state of a kind in a list of statuses: "healthy" of "HealthState/healthy"."""
    prefix = f"{kind}/"
    codes = (str(one.get("code") or "") for one in statuses or ())
    return next((code.removeprefix(prefix) for code in codes if code.startswith(prefix)), None)


def capacity_of(scale_set: Found) -> int:
    """Return the desired number of instances."""
    return int(value_at(scale_set, "sku", "capacity") or 0)


def repairs_suspended(bot: BotContext) -> bool:
    """Return whether automatic repairs are suspended."""
    view = bot.arm.get(f"{bot.names.scale_set_id}/instanceView") or {}
    return any(
        one.get("serviceName") == "AutomaticRepairs" and one.get("serviceState") == "Suspended"
        for one in view.get("orchestrationServices") or ()
    )


def _start(bot: BotContext, states: InstanceStates) -> None:
    instances = bot.instances(_scale_set(bot))
    for one in states.stopped:
        bot.report(f"start instance {one.name}")
        instances.start(one)
    if states.suspended:
        bot.report("resume automatic repairs")
        instances.set_repairs(on=True)


def _scale_set(bot: BotContext) -> Found:
    found = bot.arm.settled(bot.names.scale_set_id)
    if found is None:
        group = bot.names.place.resource_group
        msg = f"{bot.deployment.name}: no scale set in the resource group {group}"
        raise NotDeployedError(msg)
    check_owned(bot, found)
    return found


def _scale(bot: BotContext, found: Found, capacity: int) -> None:
    bot.arm.patch(bot.names.scale_set_id, {"sku": {**found["sku"], "capacity": capacity}})


def _shut_down(bot: BotContext, instances: Instances, instance: Instance) -> bool:
    """Shut the bot down in order; return whether it did.

    A failure is reported only: a broken instance is a common reason for a reimage.
    """
    bot.report(f"instance {instance.name}: shut down the bot")
    problem = _leave_problem(instances, instance)
    if problem:
        bot.report(
            f"instance {instance.name} did not shut down in order: {problem}; "
            "the next one waits up to 2 min for the lease"
        )
    return not problem


def _leave_problem(instances: Instances, instance: Instance) -> str:
    """Run the leave request; return what failed, empty if nothing did."""
    try:
        statuses = value_at(instances.view(instance), "vmAgent", "statuses")
        if not any(one.get("code") == _AGENT_READY for one in statuses or ()):
            return "the Azure VM agent does not respond"
        output = instances.run(instance, _LEAVE, within=_LEAVE_SECONDS)
    except AzureError as error:
        return error.message
    lines = [line for line in output.splitlines() if line.strip()]
    if _LEFT in lines:
        return ""
    useful = (line for line in reversed(lines) if not line.startswith(("[stderr]", "next: ")))
    return next(useful, "no output")


def _cancel_leave(
    bot: BotContext, instances: Instances, instance: Instance, error: AzureError
) -> None:
    """Start the bot again on an instance that shut down but was not reimaged."""
    later = f"instance {instance.name} starts the bot again within {_LEAVE_MINUTES} min"
    if isinstance(error, OperationTimeoutError):
        # Azure may still reimage it, which would interrupt the bot
        bot.report(f"{later}, unless it is reimaged by then")
        return
    bot.report(f"instance {instance.name}: cancel the leave request")
    try:
        instances.run(instance, _CANCEL_LEAVE, within=_LEAVE_SECONDS)
    except AzureError as failure:
        bot.report(f"{later}; the leave request could not be canceled: {failure.message}")
