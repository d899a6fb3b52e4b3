"""The controller creates a bot from one file; then everything that an operator does with it."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.bench.arm.plug import MACHINES_SOCKET, plugged
from tests.bench.arm.vm_machines import VmMachines
from tests.bench.azure import SUBSCRIPTION_ID
from tests.bench.laptop import Laptop
from tests.bench.product_vm import BotVms
from tests.drills.ground import Instance
from tests.drills.replacement import same_bot
from tests.drills.report import Report
from tests.support.inside import Databases
from tests.support.openclaw_client import Device

_BOT: Final = "my-bot"
_TEXTS: Final = 20
# an emulated processor, and a second start of the gateway
_HEALTHY_SECONDS: Final = 1800.0
# each check is a process that imports the SDKs, next to an emulated processor
_POLL_SECONDS: Final = 40.0
_TOKEN: Final = "cat /var/lib/clawbot/secrets/gateway/*"  # noqa: S105 - a command
# resource types that remain when everything billed by the hour is deleted
_MEMORY: Final = ("/storageaccounts/", "/vaults/", "/virtualnetworks/", "/networksecuritygroups/")


@dataclass(slots=True)
class Operator:
    """An operator with one deployment file.

    Attributes:
        laptop: where the controller runs.
        file: the deployment file.
        seen: the agent's progress messages in `status`, without duplicates.
        printed: the progress output of the last verb.
    """

    laptop: Laptop
    file: Path
    report: Report
    seen: dict[str, None] = field(default_factory=dict)
    printed: str = ""

    def does(self, verb: str, *options: str, code: int = 0) -> str:
        """Run a verb; return its output."""
        began = time.monotonic()
        done = self.laptop.controller(verb, str(self.file), *options)
        self.report.figure(f"{' '.join((verb, *options))}", time.monotonic() - began)
        wrong = f"{verb} exited {done.returncode}, not {code}: {done.stdout}{done.stderr}"
        self.report.demand(kept=done.returncode == code, promise=wrong)
        self.printed = done.stdout + done.stderr
        return done.stdout

    def waits(self) -> float:
        """Poll the status until the bot serves; return the seconds that it took.

        Raises:
            AssertionError: not in time.
        """
        began = time.monotonic()
        while True:
            done = self.laptop.controller("status", str(self.file), "--json")
            if done.returncode == 0:
                return time.monotonic() - began
            self.seen.update(dict.fromkeys(_progress(done.stdout)))
            waited = time.monotonic() - began
            assert waited < _HEALTHY_SECONDS, done.stdout + done.stderr
            time.sleep(_POLL_SECONDS)


def controlled(bots: BotVms, report: Report) -> None:
    """Plan, up, reimage, stop, start and destroy one bot, on virtual machines."""
    laptop = Laptop(bots.bench)
    laptop.log_in()
    operator = Operator(laptop, _written(bots), report)
    machines = VmMachines(bots.bench, disk=bots.baked(image=True))
    with plugged(bots.bench.run_dir / MACHINES_SOCKET, machines):
        report.note(operator.does("plan"))
        operator.does("up")
        report.figure("up to healthy", operator.waits())
        report.figure("distinct progress messages in status", len(operator.seen))
        report.demand(kept=len(operator.seen) > 1, promise="status shows the agent's progress")
        again = operator.does("up")
        report.demand(
            kept=" 0 created, 0 changed" in again, promise=f"a second 'up' changes nothing: {again}"
        )
        device, texts = Device(), [f"controlled {number}" for number in range(_TEXTS)]
        before = _remember(bots, device, texts)
        for verbs in (("reimage",), ("stop", "start")):
            for verb in verbs:
                operator.does(verb)
                in_order = "did not shut down in order" not in operator.printed
                report.demand(kept=in_order, promise=f"orderly shutdown: {operator.printed}")
            report.figure(f"{' and '.join(verbs)} to healthy", operator.waits())
            same_bot(_instance(bots, device), report, remembered=texts, before=before)
        _destroy(bots, operator)


def _destroy(bots: BotVms, operator: Operator) -> None:
    report = operator.report
    operator.does("destroy")
    left = _resources(bots)
    report.figure("left after destroy", ", ".join(sorted({kind(one) for one in left})))
    billed = [one for one in left if not _costs_nothing(one)]
    report.demand(kept=not billed, promise=f"only the bot data is billed: {billed}")
    report.demand(kept=not bots.bench.vms.list(), promise="no machine is left")
    operator.does("destroy", "--delete-data", "--confirm", _BOT)
    left = _resources(bots)
    report.demand(kept=not left, promise=f"nothing is left: {left}")


def _costs_nothing(identifier: str) -> bool:
    """Return whether it holds bot data, or is a resource group."""
    whole = f"{identifier.lower()}/"
    return "/providers/" not in whole or any(word in whole for word in _MEMORY)


def kind(identifier: str) -> str:
    """Return the type at the end of a resource id."""
    return identifier.rstrip("/").split("/")[-2]


def _remember(bots: BotVms, device: Device, texts: list[str]) -> Databases:
    instance = _instance(bots, device)
    instance.enter()
    with instance.connected(pair=True) as client:
        for text in texts:
            client.remember(text)
    instance.flush()
    return instance.databases()


def _instance(bots: BotVms, device: Device) -> Instance:
    """Return the only machine; the controller created its token."""
    (vm,) = bots.bench.vms.list()
    vm.wait_for_ssh()
    token = vm.exec(_TOKEN, timeout=60).stdout.strip()
    return Instance(vm, token, device)


def _written(bots: BotVms) -> Path:
    """Write a deployment file as an operator does; return its path."""
    document = {
        "bot": {
            "name": _BOT,
            "sysbox": {"enabled": False},
            "state": {"image_size": "2g"},
            # an emulated processor is slow
            "gateway": {"ready_timeout": 280},
        },
        "azure": {
            "subscription": SUBSCRIPTION_ID,
            "resource_group": "clawbots",
            "region": "eastus",
            "agent": {"source": bots.agent.location, "sha256": bots.agent.sha256},
        },
    }
    path = bots.bench.run_dir / "bot.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _resources(bots: BotVms) -> list[str]:
    """Return the resources in the subscription, without the bench's own."""
    found: list[str] = bots.bench.azure.get("arm")["resources"]
    return [one for one in found if "/resourcegroups/clawbots" in one.lower()]


def _progress(status: str) -> list[str]:
    """Return the agent's progress in the instance view."""
    try:
        instances: list[dict[str, Any]] = json.loads(status)[_BOT]["instances"]
    except (ValueError, LookupError, TypeError):
        return []
    progress = (one.get("progress") or {} for one in instances)
    return [f"{one.get('percent')} {one.get('stage')}" for one in progress if one]
