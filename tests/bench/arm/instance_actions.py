"""Actions on instances: power, reimage, commands, console."""

import base64
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from tests.bench.arm.calls import Call, accepted
from tests.bench.arm.errors import ArmError, bad, busy, conflict
from tests.bench.arm.faults import FaultKind
from tests.bench.arm.instances import deleted, finished, handle, instances_of, worked_at
from tests.bench.arm.machines import Output
from tests.bench.arm.operations import Operation, Status, in_background
from tests.bench.arm.world import Resource, World
from tests.bench.azure.messages import Reply, json_reply

BLOBS: Final = "/bootdiagnostics-"
_SHOWN_BYTES: Final = 4096
_SCRIPTS: Final = ("RunShellScript",)
_NOT_DONE: Final = (FaultKind.LRO_FAILED, FaultKind.LRO_CANCELED)

Work = Callable[[World, Resource], None]


def reimage(world: World, instance: Resource) -> None:
    """Give an instance a new disk and a new vmId, from its current model."""
    instance.private["vm_id"] = str(uuid.uuid4())
    world.machines.reimage(handle(instance), instance.private["model"])


# action → power state during and after it, and the work
POWER: Final[dict[str, tuple[str, str, Work]]] = {
    "start": ("starting", "running", lambda world, it: world.machines.start(handle(it))),
    "deallocate": (
        "deallocating",
        "deallocated",
        lambda world, it: world.machines.deallocate(handle(it)),
    ),
    "poweroff": ("stopping", "stopped", lambda world, it: world.machines.deallocate(handle(it))),
    "restart": ("starting", "running", lambda world, it: world.machines.restart(handle(it))),
    "reimage": ("starting", "running", reimage),
    "reimageall": ("starting", "running", reimage),
}


def power(call: Call, instances: Sequence[Resource], action: str) -> Reply:
    """Perform an action of `POWER` on instances."""
    meanwhile, in_the_end, work = POWER[action]
    for instance in instances:
        _still(instance)
    _match(instances, action)
    if action == "reimage":
        _provision(call, instances)
    finish = finished(instances, in_the_end)
    undone = call.fault is not None and call.fault.kind in _NOT_DONE
    done = None
    if not undone:
        done = worked_at(instances, lambda each: work(call.world, each), meanwhile=meanwhile)
    operation = call.world.operations.start(finish, fault=call.fault, work=done)
    return _taken(call, instances, operation)


def _provision(call: Call, instances: Sequence[Resource]) -> None:
    """Replace the instance's custom data by that of a reimage."""
    profile = call.json().get("osProfile") or {}
    if set(profile) - {"customData", "adminPassword"}:
        raise bad(f"osProfile: {sorted(profile)}: no such property", "InvalidParameter")
    for instance in instances:
        if "customData" in profile:
            data = base64.b64decode(profile["customData"], validate=True)
            instance.private["model"] = replace(instance.private["model"], custom_data=data)


def delete(call: Call, scale_set: Resource, instances: Sequence[Resource]) -> Reply:
    """Delete instances and reduce the scale set's capacity."""

    def finish(status: Status) -> None:
        if status is Status.DONE:
            left = len(instances_of(call.world, scale_set))
            for body in (scale_set.content, scale_set.private["sent"]):
                body["sku"]["capacity"] = left

    work = deleted(call.world, instances)
    operation = call.world.operations.start(finish, fault=call.fault, work=work)
    return _taken(call, instances, operation)


def run_command(call: Call, instance: Resource) -> Reply:
    """Run a script; the operation's result is the last 4,096 bytes of its output."""
    body = call.json()
    if set(body) - {"commandId", "script", "parameters"}:
        raise bad(f"{sorted(body)}: no such property", "InvalidParameter")
    if body.get("commandId") not in _SCRIPTS:
        raise bad(f"commandId: {body.get('commandId')!r} is not known here", "InvalidParameter")
    script = body.get("script")
    if not isinstance(script, list) or not all(isinstance(line, str) for line in script):
        raise bad("script: must be a list of lines", "InvalidParameter")
    if instance.private["power"] != "running":
        message = "Cannot modify extensions in the VM when the VM is not running."
        raise conflict("OperationNotAllowed", message)
    running: Operation | None = instance.private.get("command")
    if running is not None and running.look() is Status.RUNNING:
        message = (
            "Run command extension execution is in progress. Please wait for completion before "
            "invoking a run command."
        )
        raise conflict("Conflict", message)
    machine, machines = handle(instance), call.world.machines
    work = in_background(lambda: machines.run_command(machine, tuple(script)))
    operation = call.world.operations.start(
        lambda _status: None,
        fault=call.fault,
        work=work,
        result=lambda: _said(work.result()),
    )
    instance.private["command"] = operation
    return accepted(call, operation)


def boot_diagnostics(call: Call, instance: Resource) -> Reply:
    """Return a signed URL of the console log, valid for a limited time."""
    diagnostics = instance.private["model"].profile.get("diagnosticsProfile") or {}
    if not (diagnostics.get("bootDiagnostics") or {}).get("enabled"):
        message = f"Boot diagnostics are not enabled on {instance.private['name']}."
        raise conflict("OperationNotAllowed", message)
    signature = secrets.token_urlsafe(24)
    call.world.blobs[signature] = handle(instance)
    name = f"{instance.private['name']}.{instance.private['vm_id']}"
    place = f"{BLOBS}{instance.private['name'][:9]}-{instance.private['vm_id']}"

    def url(what: str) -> str:
        return call.url(f"{place}/{name}.{what}?sv=2018-03-28&sr=b&sig={signature}&sp=r")

    content = {
        "consoleScreenshotBlobUri": url("screenshot.bmp"),
        "serialConsoleLogBlobUri": url("serialconsole.log"),
    }
    return json_reply(200, content)


def _said(output: Output) -> dict[str, Any]:
    # each stream is truncated separately, to its end
    out, err = (
        text.encode()[-_SHOWN_BYTES:].decode(errors="replace")
        for text in (output.stdout, output.stderr)
    )
    entry = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": f"Enable succeeded: \n[stdout]\n{out}\n[stderr]\n{err}",
    }
    return {"value": [entry]}


def _taken(call: Call, instances: Sequence[Resource], operation: Operation) -> Reply:
    for instance in instances:
        instance.operation = operation
        if instance.state != "Deleting":
            instance.state = "Updating"
    return accepted(call, operation)


def _still(instance: Resource) -> None:
    instance.look()
    if instance.operation is not None:
        raise busy(instance.type_name, instance.private["name"])


def _match(instances: Sequence[Resource], action: str) -> None:
    """Refuse an action that needs a running machine.

    Raises:
        ArmError: 409 OperationNotAllowed.
    """
    for instance in instances:
        if action == "restart" and instance.private["power"] != "running":
            message = f"{instance.private['name']} is {instance.private['power']}; start it first."
            raise ArmError(409, "OperationNotAllowed", message)
