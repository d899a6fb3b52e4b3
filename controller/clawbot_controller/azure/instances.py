"""The instances of a scale set, in either orchestration mode: each has its own way to them."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from azure.core.polling import LROPoller
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import (
    OrchestrationServiceStateInput,
    OSProfileProvisioningData,
    VirtualMachineReimageParameters,
    VirtualMachineScaleSetVMInstanceRequiredIDs,
)

from clawbot_controller.azure.arm import Arm, Found
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.deployment.names import BotNames
from clawbot_controller.model.resource import API

__all__ = ["Instance", "Instances"]

# each call has a version of its own; one for the whole client would not be heard
_PINNED: Final = {"api_version": API["microsoft.compute/virtualmachinescalesets"]}
_SAS_MINUTES: Final = 10
_REPAIRS: Final = "AutomaticRepairs"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        id: ARM id.
        name: instance id ("0"), or the machine's name in a flexible set.
        latest_model: whether it was made from the scale set's present model.
    """

    id: str
    name: str
    latest_model: bool


class Instances:
    """What is done to the instances of one scale set, rather than to its model.

    Args:
        cloud: where Azure is.
        arm: the subscription's resources.
        names: of the bot.
        flexible: orchestration mode of the scale set.
    """

    def __init__(self, cloud: Cloud, arm: Arm, names: BotNames, *, flexible: bool) -> None:
        """See the class."""
        self._arm = arm
        self._names = names
        self.flexible = flexible
        self._client = ComputeManagementClient(
            cloud.credential,
            names.place.subscription,
            base_url=cloud.arm_url,
            polling_interval=cloud.poll_seconds,
            **cloud.options(),
        )

    def all(self) -> tuple[Instance, ...]:
        """Every instance there is; a healthy bot has one."""
        return tuple(self._found())

    def view(self, instance: Instance) -> Found:
        """Its instance view: power, health, extensions."""
        return self._arm.get(f"{instance.id}/instanceView") or {}

    def start(self, instance: Instance) -> None:
        """Start it; one that runs is left alone."""
        self._do("start", instance, lambda client: client.begin_start)

    def deallocate(self, instance: Instance) -> None:
        """Stop it and give its hardware back; disk and address stay."""
        self._do("deallocate", instance, lambda client: client.begin_deallocate)

    def update(self, instance: Instance) -> None:
        """Give it the scale set's present model; one in a flexible set does not follow it."""
        if not self.flexible and not instance.latest_model:
            update = self._client.virtual_machine_scale_sets.begin_update_instances
            ids = VirtualMachineScaleSetVMInstanceRequiredIDs(instance_ids=[instance.name])
            self._arm.finish(
                "update the instance's model", lambda: update(*self._set, ids, **_PINNED)
            )

    def reimage(self, instance: Instance, custom_data: str) -> None:
        """Give it a new disk, made from its model; a flexible one from `custom_data`."""
        self._do(
            "reimage",
            instance,
            lambda client: client.begin_reimage,
            *((_provisioned(custom_data),) if self.flexible else ()),
            repeatable=False,
        )

    def set_repairs(self, *, on: bool) -> None:
        """Let Azure repair unhealthy instances, or not for the time being."""
        change = self._client.virtual_machine_scale_sets.begin_set_orchestration_service_state
        action = "Resume" if on else "Suspend"
        body = OrchestrationServiceStateInput(service_name=_REPAIRS, action=action)
        doing = "resume repairs" if on else "suspend repairs"
        self._arm.finish(doing, lambda: change(*self._set, body, **_PINNED))

    def run(self, instance: Instance, script: Sequence[str], *, within: float | None = None) -> str:
        """Run a shell script as root there; the last 4,096 bytes of what it said.

        Raises:
            OperationTimeoutError: not done within that many seconds.
        """
        body = {"commandId": "RunShellScript", "script": list(script)}
        client = self._machines
        found = self._arm.finish(
            f"run a command on instance {instance.name}",
            lambda: client.begin_run_command(*self._path(instance), body, **_PINNED),
            within=within,
        )
        return "\n".join(one.get("message") or "" for one in (found or {}).get("value") or [])

    def console_url(self, instance: Instance) -> str | None:
        """Signed address of the serial console's log: a secret for some minutes."""
        client = self._machines
        found = self._arm.call(
            f"find the console log of instance {instance.name}",
            lambda: client.retrieve_boot_diagnostics_data(
                *self._path(instance), sas_uri_expiration_time_in_minutes=_SAS_MINUTES, **_PINNED
            ),
        )
        return None if found is None else found.serial_console_log_blob_uri

    def _found(self) -> Iterator[Instance]:
        if not self.flexible:
            for one in self._arm.pages(f"{self._names.scale_set_id}/virtualMachines"):
                latest = (one.get("properties") or {}).get("latestModelApplied", True)
                yield Instance(_id(one), str(one.get("instanceId", one["name"])), bool(latest))
            return
        machines = self._names.place.resource("Microsoft.Compute", "virtualMachines")
        for one in self._arm.pages(machines):
            owner = ((one.get("properties") or {}).get("virtualMachineScaleSet") or {}).get("id")
            if owner is not None and owner.lower() == self._names.scale_set_id.lower():
                yield Instance(_id(one), one["name"], latest_model=True)

    @property
    def _set(self) -> tuple[str, str]:
        return self._names.place.resource_group, self._names.bot

    @property
    def _machines(self) -> Any:  # noqa: ANN401 - two clients of the SDK with the same methods
        if self.flexible:
            return self._client.virtual_machines
        return self._client.virtual_machine_scale_set_vms

    def _path(self, instance: Instance) -> tuple[str, ...]:
        if self.flexible:
            return self._names.place.resource_group, instance.name
        return (*self._set, instance.name)

    def _do(
        self,
        doing: str,
        instance: Instance,
        choose: Callable[[Any], Callable[..., LROPoller[Any]]],
        *body: object,
        repeatable: bool = True,
    ) -> None:
        begin = choose(self._machines)
        self._arm.finish(
            f"{doing} instance {instance.name}",
            lambda: begin(*self._path(instance), *body, **_PINNED),
            repeatable=repeatable,
        )


def _provisioned(custom_data: str) -> VirtualMachineReimageParameters:
    """What a machine of its own starts anew with: it does not follow its scale set's model."""
    encoded = base64.b64encode(custom_data.encode()).decode()
    return VirtualMachineReimageParameters(
        os_profile=OSProfileProvisioningData(custom_data=encoded)
    )


def _id(found: Found) -> str:
    return str(found["id"])
