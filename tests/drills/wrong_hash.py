"""Custom data with a wrong hash of the agent."""

import re
from typing import Final

from tests.drills.ground import Ground, Instance
from tests.drills.report import Report

_CLOUD_INIT_SECONDS: Final = 900
_ANYTHING: Final = (
    "find /usr/local/bin/clawbot-agent /etc/systemd/system/clawbot-* 2>/dev/null; "
    "find /opt/clawbot -mindepth 2 2>/dev/null; "
    "systemctl list-unit-files --no-legend 'clawbot-*'"
)
_REASON: Final = re.compile(r"bootstrap: .*(sha-?256|hash|digest).*", re.IGNORECASE)


def wrong_hash(ground: Ground, report: Report) -> None:
    """Boot with it; check what is installed and where the reason is shown."""
    bots = ground.bots
    text = bots.configuration(backend=ground.backend, share=ground.share)
    data = bots.custom_data(text, sha256="0" * 64)
    name = f"{ground.prefix}-wrong-hash"
    vm = bots.bench.vms.boot(name, custom_data=data, disk=bots.baked())
    instance = Instance(vm, bots.token, ground.device)
    instance.enter()
    vm.exec("cloud-init status --wait", timeout=_CLOUD_INIT_SECONDS)
    status = vm.exec("cloud-init status --long", timeout=60).stdout
    report.figure("cloud-init status", status.partition("\n")[0])
    report.demand(
        kept="status: error" in status, promise=f"cloud-init's status is 'error': {status}"
    )
    reason = _REASON.search(status)
    report.demand(kept=reason is not None, promise=f"cloud-init's status has the reason: {status}")
    shown = [found[0] for found in _REASON.finditer(vm.console.read_text(errors="replace"))]
    report.figure("serial console", shown[-1].strip() if shown else "nothing")
    report.demand(kept=bool(shown), promise="the reason is on the serial console")
    found = vm.exec(_ANYTHING, timeout=60).stdout.splitlines()
    report.figure("files of the agent on the machine", ", ".join(found) or "nothing")
    report.demand(kept=not found, promise=f"nothing is installed: {found}")
    vm.delete()
