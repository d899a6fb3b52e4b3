"""Start, stop and reimage: what is done to the instance while everything around it stays."""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.errors import AzureError
from clawbot_controller.azure.instances import Instance, Instances
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.operations.deployed import deployed_custom_data
from clawbot_controller.operations.edits import check_edits
from clawbot_controller.operations.leaving import ask_to_leave, bring_back
from clawbot_controller.operations.ownership import check_own, check_owned
from clawbot_controller.operations.site import Site
from clawbot_controller.operations.steps import Action, Step

__all__ = ["STOPPED", "Power", "power_step", "powered", "reimage", "start", "stop", "to_zero"]

STOPPED: Final = frozenset({"deallocated", "deallocating", "stopped", "stopping"})


@dataclass(frozen=True, slots=True)
class Power:
    """How a bot's scale set and its instances are.

    Attributes:
        capacity: how many instances the scale set is to have; None without a scale set.
        stopped: instances that are there and do not run.
        outdated: instances that were made from an older model.
        suspended: Azure does not repair the instances for the time being.
    """

    capacity: int | None
    stopped: tuple[Instance, ...] = ()
    outdated: tuple[Instance, ...] = ()
    suspended: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """What `up` does about it."""
        name = "instance"
        if self.stopped:
            says = "start the instance, which is stopped"
            return (Step(name=name, says=says, action=Action.CHANGE),)
        if self.suspended and self.capacity:
            says = "resume automatic repairs, which are suspended"
            return (Step(name=name, says=says, action=Action.CHANGE),)
        return ()


def power_step(site: Site) -> Power:
    """Look at the scale set's instances."""
    found = site.arm.get(site.names.scale_set_id)
    if found is None:
        return Power(None)
    instances = _instances(site, found)
    everyone = instances.all()
    views = [(one, power_of(instances.view(one))) for one in everyone]
    return Power(
        capacity=int((found.get("sku") or {}).get("capacity") or 0),
        stopped=tuple(one for one, state in views if state in STOPPED),
        outdated=tuple(one for one in everyone if not one.latest_model),
        suspended=repairs_suspended(site),
    )


def powered(site: Site) -> tuple[Step, ...]:
    """Start what is stopped; the last step of `up`."""
    power = power_step(site)
    if power.steps:
        _started(site, power)
    if power.outdated:
        site.tell("the instance still runs the model before; 'reimage' gives it the new one")
    return power.steps


def start(site: Site) -> None:
    """Start the instance, or make one where there is none.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(site)
    if not (found.get("sku") or {}).get("capacity"):
        site.tell("make an instance")
        _scale(site, found, 1)
    power = power_step(site)
    _started(site, power)
    site.tell("started")


def stop(site: Site) -> None:
    """Deallocate the instance: the machine is no longer billed, disk and address are.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(site)
    instances = _instances(site, found)
    # an instance that does not answer must not be repaired back to life; asked of Azure, since
    # the file may have been edited without an 'up'
    policy = (found.get("properties") or {}).get("automaticRepairsPolicy") or {}
    if policy.get("enabled") and not repairs_suspended(site):
        instances.set_repairs(on=False)
    for one in instances.all():
        if power_of(instances.view(one)) != "deallocated":
            site.tell(f"deallocate instance {one.name}")
            instances.deallocate(one)
    site.tell("stopped: the machine costs nothing, its disk and its address do")


def to_zero(site: Site) -> None:
    """Take the instance away, and with it disk and address; the memory is on the share.

    Raises:
        NotDeployedError: there is no scale set.
    """
    found = _scale_set(site)
    if (found.get("sku") or {}).get("capacity"):
        site.tell("remove the instance with its disk and its address")
        _scale(site, found, 0)
    kept = site.deployment.target.address == "prefix"
    costs = "its reserved addresses are kept, and cost" if kept else "its address is given back"
    site.tell(f"stopped: no instance and no disk; {costs}")


def reimage(site: Site, *, now: bool = False) -> None:
    """Give the instance a new disk, made from the present model; the memory is on the share.

    In a flexible set the custom data is that of the file, and all else stays until a new instance.
    A running instance is asked to leave in order first, unless it has to be `now`.

    Raises:
        NotDeployedError: there is no scale set, or no instance in it.
        ShareInUseError: the file was edited so that the instance would lose its memory.
    """
    instances = _instances(site, _scale_set(site))
    found = instances.all()
    if not found:
        msg = f"{site.deployment.name} has no instance"
        raise NotDeployedError(msg, hint="run 'start' first")
    if instances.flexible:
        # its custom data is the file's: what 'up' refuses is not to be done here
        check_edits(site, check_own(site))
    custom_data = deployed_custom_data(site)
    for one in found:
        instances.update(one)
        left = (
            not now
            and power_of(instances.view(one)) == "running"
            and ask_to_leave(site, instances, one)
        )
        site.tell(f"reimage instance {one.name}")
        try:
            instances.reimage(one, custom_data)
        except AzureError as error:
            if left:
                bring_back(site, instances, one, error)
            raise
    site.tell("reimaged; 'status' shows how far the new instance is")


def power_of(view: Found) -> str | None:
    """The power state in an instance view: "running", "deallocated"; None when it is not told."""
    return code_of(view.get("statuses"), "PowerState")


def code_of(statuses: Any, kind: str) -> str | None:  # noqa: ANN401 - JSON
    """The state in a list of statuses: of "HealthState/healthy" the last part."""
    codes = [str(one.get("code") or "") for one in statuses or ()]
    return next((code.partition("/")[2] for code in codes if code.startswith(f"{kind}/")), None)


def repairs_suspended(site: Site) -> bool:
    """Whether Azure does not repair the instances for the time being."""
    view = site.arm.get(f"{site.names.scale_set_id}/instanceView") or {}
    services = view.get("orchestrationServices") or ()
    return any(
        one.get("serviceName") == "AutomaticRepairs" and one.get("serviceState") == "Suspended"
        for one in services
    )


def _started(site: Site, power: Power) -> None:
    instances = _instances(site, _scale_set(site))
    for one in power.stopped:
        site.tell(f"start instance {one.name}")
        instances.start(one)
    if power.suspended:
        site.tell("resume automatic repairs")
        instances.set_repairs(on=True)


def _scale_set(site: Site) -> Found:
    found = site.arm.settled(site.names.scale_set_id)
    if found is None:
        msg = f"{site.deployment.name} has no scale set in {site.names.place.resource_group}"
        raise NotDeployedError(msg)
    check_owned(site, found)
    return found


def _instances(site: Site, scale_set: Found) -> Instances:
    mode = (scale_set.get("properties") or {}).get("orchestrationMode")
    return site.instances(flexible=mode == "Flexible")


def _scale(site: Site, found: Found, capacity: int) -> None:
    site.arm.patch(site.names.scale_set_id, {"sku": {**found["sku"], "capacity": capacity}})
