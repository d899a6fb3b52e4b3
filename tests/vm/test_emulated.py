"""A machine of QEMU's, with several processors and devices like Azure's, up to the gateway.

The gateway itself is the flow's: OpenClaw gives its threads five seconds to come up, for which an
emulated processor is fast enough on some days only.
"""

import json
import time
from typing import Final

from tests.bench.product_vm import BotVms
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report

_WITHIN: Final = 1200.0
_BETWEEN_LOOKS: Final = 5.0
_BEFORE_THE_GATEWAY: Final = (
    *("apt", "mount", "secrets", "docker", "firewall", "image", "lease", "state"),
    "openclaw-config",
)
_DONE: Final = {"changed", "unchanged"}


def test_everything_before_the_gateway(bots: BotVms, report: Report) -> None:
    """Custom data alone: packages, share, lease, memory, engine, image, configuration."""
    ground = Ground(bots, share="emulated", prefix="emulated", baked_image=True)
    ground.prepare(seed=False)
    instance = ground.boot()
    try:
        instance.enter()
        report.figure("power-on to SSH", time.monotonic() - instance.powered_on)
        missing = _await_stages(instance)
        report.figure("power-on to the gateway's turn", time.monotonic() - instance.powered_on)
        assert missing == {}
        assert instance.vm.exec("cloud-id", timeout=60).stdout.strip() == "azure"
        told = json.loads(instance.vm.exec("cloud-init status --format json", timeout=60).stdout)
        assert (told["errors"], told.get("recoverable_errors", {})) == ([], {})
        assert instance.lease()["state"] == "held"
        assert instance.vm.exec("findmnt -n -o FSTYPE /var/lib/clawbot/state").stdout == "ext4\n"
    finally:
        instance.vm.delete()


def _await_stages(instance: Instance) -> dict[str, str]:
    """Those that are not done when the time is over, with how they are."""
    end = time.monotonic() + _WITHIN
    while True:
        found = {one["name"]: one["state"] for one in instance.last_run().get("stages", ())}
        states = {name: found.get(name, "missing") for name in _BEFORE_THE_GATEWAY}
        missing = {name: state for name, state in states.items() if state not in _DONE}
        if not missing or time.monotonic() > end:
            return missing
        time.sleep(_BETWEEN_LOOKS)
