"""A QEMU machine with several processors and devices like Azure's, up to the gateway's start.

Other drills cover the gateway: OpenClaw allows its threads five seconds to start, for which an
emulated processor is not always fast enough.
"""

import json
import time
from typing import Final

from tests.drills.ground import Ground, Instance
from tests.drills.report import Report

_WITHIN: Final = 1200.0
_POLL_SECONDS: Final = 5.0
_BEFORE_THE_GATEWAY: Final = (
    *("apt", "share", "secrets", "docker", "firewall", "image", "lease", "state"),
    "openclaw-config",
)
_DONE: Final = {"changed", "unchanged"}


def before_gateway(ground: Ground, report: Report) -> None:
    """Boot with custom data: packages, share, lease, bot data, engine, image, configuration."""
    instance = ground.boot()
    try:
        _judge(instance, report)
    finally:
        instance.vm.delete()


def _judge(instance: Instance, report: Report) -> None:
    vm = instance.vm
    instance.enter()
    report.figure("power-on to SSH", time.monotonic() - instance.powered_on)
    missing = _await_stages(instance)
    report.figure("power-on to the gateway's stage", time.monotonic() - instance.powered_on)
    report.demand(kept=not missing, promise=f"every stage before the gateway is done: {missing}")
    cloud = vm.exec("cloud-id", timeout=60).stdout.strip()
    report.demand(kept=cloud == "azure", promise=f"cloud-init found Azure: {cloud}")
    status = json.loads(vm.exec("cloud-init status --format json", timeout=60).stdout)
    errors = [*status["errors"], *status.get("recoverable_errors", {}).items()]
    report.demand(kept=not errors, promise=f"cloud-init has no error: {errors}")
    lease = instance.lease()
    report.demand(kept=lease.get("state") == "held", promise=f"the lease is held: {lease}")
    mounted = vm.exec("findmnt -n -o FSTYPE /var/lib/clawbot/state", timeout=60).stdout.strip()
    report.demand(kept=mounted == "ext4", promise=f"the bot data is mounted: {mounted}")


def _await_stages(instance: Instance) -> dict[str, str]:
    """Return the stages that are not done after the time limit, with their states."""
    end = time.monotonic() + _WITHIN
    while True:
        found = {one["name"]: one["state"] for one in instance.last_run().get("stages", ())}
        states = {name: found.get(name, "missing") for name in _BEFORE_THE_GATEWAY}
        missing = {name: state for name, state in states.items() if state not in _DONE}
        if not missing or time.monotonic() > end:
            return missing
        time.sleep(_POLL_SECONDS)
