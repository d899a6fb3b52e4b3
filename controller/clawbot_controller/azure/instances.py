"""The instances of a scale set, which has a different API in each orchestration mode."""

import base64
from collections.abc import Callable, Sequence
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

from clawbot_controller.azure.arm import Arm
from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.deployment.names import BotNames
from clawbot_controller.model.resource import API, Found, value_at

# passed with each call, because the client ignores a version of its own
_PINNED: Final = {"api_version": API["microsoft.compute/virtualmachinescalesets"]}
_SAS_MINUTES: Final = 10
_REPAIRS: Final = "AutomaticRepairs"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        id: ARM id.
        name: instance id ("0"), or the machine's name in a flexible set.
        latest_model: whether it has the scale set's current model.
    """

    id: str
    name: str
    latest_model: bool


class Instances:
    """Operations on the instances of one scale set, uniform or flexible."""

    def __init__(self, cloud: Cloud, arm: Arm, names: BotNames, *, flexible: bool) -> None:
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
        """Return all instances; a healthy bot has one."""
        if not self.flexible:
            found = self._arm.pages(f"{self._names.scale_set_id}/virtualMachines")
            return tuple(_uniform(one) for one in found)
        machines = self._names.place.resource("Microsoft.Compute", "virtualMachines")
        owner = self._names.scale_set_id.lower()
        return tuple(
            Instance(str(one["id"]), one["name"], latest_model=True)
            for one in self._arm.pages(machines)
            if str(value_at(one, "properties", "virtualMachineScaleSet", "id")).lower() == owner
        )

    def view(self, instance: Instance) -> Found:
        """Return the instance view: power, health, extensions."""
        return self._arm.get(f"{instance.id}/instanceView") or {}

    def start(self, instance: Instance) -> None:
        """Start an instance, unless it runs."""
        self._do("start", instance, lambda client: client.begin_start)

    def deallocate(self, instance: Instance) -> None:
        """Stop an instance and release its hardware; disk and address are kept."""
        self._do("deallocate", instance, lambda client: client.begin_deallocate)

    def update(self, instance: Instance) -> None:
        """Update an instance to the scale set's model; no effect in a flexible set."""
        if not self.flexible and not instance.latest_model:
            update = self._client.virtual_machine_scale_sets.begin_update_instances
            ids = VirtualMachineScaleSetVMInstanceRequiredIDs(instance_ids=[instance.name])
            self._arm.finish(
                "update the instance's model", lambda: update(*self._set, ids, **_PINNED)
            )

    def reimage(self, instance: Instance, custom_data: str) -> None:
        """Give an instance a new OS disk; only a flexible set takes the `custom_data`."""
        self._do(
            "reimage",
            instance,
            lambda client: client.begin_reimage,
            *((_provisioned(custom_data),) if self.flexible else ()),
            repeatable=False,
        )

    def set_repairs(self, *, on: bool) -> None:
        """Resume or suspend automatic repairs."""
        change = self._client.virtual_machine_scale_sets.begin_set_orchestration_service_state
        action = "Resume" if on else "Suspend"
        body = OrchestrationServiceStateInput(service_name=_REPAIRS, action=action)
        self._arm.finish(f"{action.lower()} repairs", lambda: change(*self._set, body, **_PINNED))

    def run(self, instance: Instance, script: Sequence[str], *, within: float | None = None) -> str:
        """Run a shell script as root on an instance; return the last 4,096 bytes of its output.

        Raises:
            OperationTimeoutError: not finished within that many seconds.
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
        """Return the signed URL of the serial console's log, a secret for 10 min."""
        client = self._machines
        found = self._arm.call(
            f"find the console log of instance {instance.name}",
            lambda: client.retrieve_boot_diagnostics_data(
                *self._path(instance), sas_uri_expiration_time_in_minutes=_SAS_MINUTES, **_PINNED
            ),
        )
        return None if found is None else found.serial_console_log_blob_uri

    @property
    def _set(self) -> tuple[str, str]:
        return self._names.place.resource_group, self._names.bot

    @property
    def _machines(self) -> Any:  # noqa: ANN401 - two operation groups of the SDK with the same methods
        if self.flexible:
            return self._client.virtual_machines
        return self._client.virtual_machine_scale_set_vms

    def _path(self, instance: Instance) -> tuple[str, ...]:
        if self.flexible:
            return self._names.place.resource_group, instance.name
        return (*self._set, instance.name)

    def _do(
        self,
        verb: str,
        instance: Instance,
        choose: Callable[[Any], Callable[..., LROPoller[Any]]],
        *body: object,
        repeatable: bool = True,
    ) -> None:
        begin = choose(self._machines)
        self._arm.finish(
            f"{verb} instance {instance.name}",
            lambda: begin(*self._path(instance), *body, **_PINNED),
            repeatable=repeatable,
        )


def _uniform(found: Found) -> Instance:
    latest = value_at(found, "properties", "latestModelApplied") is not False
    return Instance(str(found["id"]), str(found.get("instanceId", found["name"])), latest)


def _provisioned(custom_data: str) -> VirtualMachineReimageParameters:
    """Return the reimage parameters of a flexible instance, which ignores the set's model."""
    encoded = base64.b64encode(custom_data.encode()).decode()
    return VirtualMachineReimageParameters(
        os_profile=OSProfileProvisioningData(custom_data=encoded)
    )
