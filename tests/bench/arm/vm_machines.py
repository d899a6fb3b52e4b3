"""Scale sets whose instances are the virtual machines of a bench.

Everything comes from the scale set's own body: custom data goes onto the provisioning CD, the
identities to the metadata service, the size becomes CPUs and memory, the health extension's
settings say what is asked for health. On the host, while the bench's services run elsewhere::

    with Bench("up", machine=False) as bench:
        machines = VmMachines(bench, disk=bots.baked(image=True))
        with plugged(bench.run_dir / MACHINES_SOCKET, machines):
            ...
"""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from tests.bench.arm.catalogue import machine_of
from tests.bench.arm.machines import Instance, Model, Output
from tests.bench.arm.scale_set_rules import HEALTH
from tests.bench.bench import Bench
from tests.bench.errors import BenchError
from tests.bench.vm.disk import Disk
from tests.bench.vm.machine import Vm

_SHARE: Final = re.compile(
    r"/storageAccounts/(?P<account>[^/]+)/fileServices/default/shares/(?P<share>[^/]+)$",
    re.IGNORECASE,
)
_STATES: Final = ("Healthy", "Unhealthy")
# the service's own limit of a command
_COMMAND_SECONDS: Final = 90 * 60
_PROBE_SECONDS: Final = 30.0
_SHUTDOWN_SECONDS: Final = 420.0


class VmMachines:
    """`tests.bench.arm.machines.Machines` of virtual machines.

    Args:
        bench: made with `machine=False`, and up.
        disk: that instances boot from; the bare one without.
    """

    def __init__(self, bench: Bench, *, disk: Disk | None = None) -> None:
        self._bench = bench
        self._disk = disk
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._models: dict[str, Model] = {}

    def vm(self, instance: Instance) -> Vm:
        """The virtual machine that is an instance.

        Raises:
            BenchError: there is none.
        """
        with self._lock:
            name = self._names.get(instance.id)
        if name is None:
            msg = f"{instance.name} has no virtual machine"
            raise BenchError(msg)
        return self._bench.vms.get(name)

    def create(self, instance: Instance, model: Model) -> None:
        """Boot a new machine from the custom data."""
        self._adopt_shares()
        cpus, memory_mb = machine_of(model.size)
        vm = self._bench.vms.boot(
            machine_name(model.computer_name),
            custom_data=model.custom_data,
            disk=self._disk,
            uuid=instance.vm_id,
            memory_mb=memory_mb,
            cpus=cpus,
        )
        with self._lock:
            self._names[instance.id], self._models[instance.id] = vm.name, model
        who = {
            "name": instance.name,
            "vm_id": instance.vm_id,
            "hostname": vm.name,
            "mac": self._bench.network.mac(vm.hardware.number).replace(":", "").upper(),
            "group": instance.group,
            "scale_set": instance.scale_set,
        }
        carried = [dict(identity) for identity in model.identities]
        self._bench.azure.set("imds", instances={vm.address: who}, attached={vm.address: carried})

    def start(self, instance: Instance) -> None:
        """Power it on; nothing to do when it is on."""
        vm = self.vm(instance)
        if not vm.running():
            vm.power_on()

    def deallocate(self, instance: Instance) -> None:
        """Press the power button and wait."""
        self.vm(instance).shutdown(timeout=_SHUTDOWN_SECONDS)

    def restart(self, instance: Instance) -> None:
        """Off and on."""
        self.deallocate(instance)
        self.start(instance)

    def reimage(self, instance: Instance, model: Model) -> None:
        """A new disk and a new vmId under the same name; its private address changes here."""
        self.delete(instance)
        self.create(instance, model)

    def delete(self, instance: Instance) -> None:
        """Throw it away; fine when it is gone."""
        with self._lock:
            name = self._names.pop(instance.id, None)
            self._models.pop(instance.id, None)
        if name is not None:
            vm = self._bench.vms.get(name)
            address = vm.address
            vm.delete()
            self._bench.azure.set("imds", attached={address: None})

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """Run it as root over the bench's own way in."""
        vm = self.vm(instance)
        vm.wait_for_ssh()
        done = vm.exec("\n".join(script), timeout=_COMMAND_SECONDS)
        return Output(done.stdout, done.stderr)

    def console(self, instance: Instance) -> bytes:
        """All it wrote to its serial port."""
        path = self.vm(instance).console
        return path.read_bytes() if path.exists() else b""

    def health(self, instance: Instance) -> str:
        """Ask as the health extension in the body says; Unknown without an answer."""
        return health_state(self._probed(instance))

    def metrics(self, instance: Instance) -> str:
        """Ask in the same way for what is said beside the state."""
        return custom_metrics(self._probed(instance))

    def _probed(self, instance: Instance) -> str:
        with self._lock:
            model = self._models.get(instance.id)
        url = probe_url(model.profile) if model else None
        if url is None:
            return ""
        vm = self.vm(instance)
        if not vm.running():
            return ""
        words = ("curl", "-sf", "--max-time", str(int(_PROBE_SECONDS)), url)
        return vm.exec(words, timeout=_PROBE_SECONDS + 10).stdout

    def address(self, instance: Instance) -> str:
        """The address at which the host reaches it."""
        return self.vm(instance).address

    def _adopt_shares(self) -> None:
        """Serve the shares that were made through ARM, under their accounts' names."""
        for identifier in self._bench.azure.get("arm")["resources"]:
            if match := _SHARE.search(identifier):
                self._bench.files.adopt(match["account"], match["share"])


def machine_name(computer_name: str) -> str:
    """A host name as the bench's machines take it."""
    return re.sub("[^a-z0-9-]", "-", computer_name.lower())[:32].strip("-")


def probe_url(profile: Mapping[str, Any]) -> str | None:
    """What the health extension in a body asks; None when there is none."""
    for extension in (profile.get("extensionProfile") or {}).get("extensions") or []:
        properties = extension.get("properties") or {}
        if properties.get("type") == HEALTH:
            settings = properties.get("settings") or {}
            protocol = settings.get("protocol", "http")
            port = settings.get("port", 443 if protocol == "https" else 80)
            return f"{protocol}://localhost:{port}{settings.get('requestPath', '/')}"
    return None


def health_state(answer: str) -> str:
    """The state in a probe's answer, as version 2 of the extension reads it."""
    try:
        state = json.loads(answer)["ApplicationHealthState"]
    except (ValueError, KeyError, TypeError):
        return "Unknown"
    return str(state) if state in _STATES else "Unknown"


def custom_metrics(answer: str) -> str:
    """The CustomMetrics in a probe's answer: the text of a JSON object that is not empty."""
    try:
        text = json.loads(answer)["CustomMetrics"]
        found = json.loads(text)
    except (ValueError, KeyError, TypeError):
        return ""
    return str(text) if isinstance(found, dict) and found else ""
