"""Scale sets whose instances are the virtual machines of a bench.

Everything comes from the scale set's body: the custom data is on the provisioning CD, the
identities are in the metadata service, the size sets CPUs and RAM, and the health extension's
settings set the probe. On the host, while the bench's services run elsewhere::

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

from tests.bench.arm.catalog import machine_of
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
# the service's time limit for a command
_COMMAND_SECONDS: Final = 90 * 60
_PROBE_SECONDS: Final = 30.0
_SHUTDOWN_SECONDS: Final = 420.0


class VmMachines:
    """Virtual machines as `tests.bench.arm.machines.Machines`.

    Args:
        bench: made with `machine=False`, and up.
        disk: of the instances; None = a bare Ubuntu.
    """

    def __init__(self, bench: Bench, *, disk: Disk | None = None) -> None:
        self._bench = bench
        self._disk = disk
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._models: dict[str, Model] = {}

    def vm(self, instance: Instance) -> Vm:
        """Return the virtual machine of an instance.

        Raises:
            BenchError: it has none.
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
        """Power the machine on, unless it is on."""
        vm = self.vm(instance)
        if not vm.running():
            vm.power_on()

    def deallocate(self, instance: Instance) -> None:
        """Press the power button and wait."""
        self.vm(instance).shutdown(timeout=_SHUTDOWN_SECONDS)

    def restart(self, instance: Instance) -> None:
        """Power the machine off and on."""
        self.deallocate(instance)
        self.start(instance)

    def reimage(self, instance: Instance, model: Model) -> None:
        """Replace disk and vmId under the same name; here the private address changes."""
        self.delete(instance)
        self.create(instance, model)

    def delete(self, instance: Instance) -> None:
        """Delete the machine, if it exists."""
        with self._lock:
            name = self._names.pop(instance.id, None)
            self._models.pop(instance.id, None)
        if name is not None:
            vm = self._bench.vms.get(name)
            address = vm.address
            vm.delete()
            self._bench.azure.set("imds", attached={address: None})

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """Run a script as root by the bench's access to the machine."""
        vm = self.vm(instance)
        vm.wait_for_ssh()
        done = vm.exec("\n".join(script), timeout=_COMMAND_SECONDS)
        return Output(done.stdout, done.stderr)

    def console(self, instance: Instance) -> bytes:
        """Return all output of the serial port."""
        path = self.vm(instance).console
        return path.read_bytes() if path.exists() else b""

    def health(self, instance: Instance) -> str:
        """Probe as the health extension in the body does; Unknown without an answer."""
        return health_state(self._probed(instance))

    def metrics(self, instance: Instance) -> str:
        """Probe in the same way for the CustomMetrics."""
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
        """Return the address at which the host reaches the machine."""
        return self.vm(instance).address

    def _adopt_shares(self) -> None:
        """Serve the shares created through ARM under the names of their accounts."""
        for identifier in self._bench.azure.get("arm")["resources"]:
            if match := _SHARE.search(identifier):
                self._bench.files.adopt(match["account"], match["share"])


def machine_name(computer_name: str) -> str:
    """Return a host name that is valid for the bench's machines."""
    return re.sub("[^a-z0-9-]", "-", computer_name.lower())[:32].strip("-")


def probe_url(profile: Mapping[str, Any]) -> str | None:
    """Return the probe of the health extension in a body, if any."""
    for extension in (profile.get("extensionProfile") or {}).get("extensions") or []:
        properties = extension.get("properties") or {}
        if properties.get("type") == HEALTH:
            settings = properties.get("settings") or {}
            protocol = settings.get("protocol", "http")
            port = settings.get("port", 443 if protocol == "https" else 80)
            return f"{protocol}://localhost:{port}{settings.get('requestPath', '/')}"
    return None


def health_state(answer: str) -> str:
    """Return the state in a probe's answer, as version 2 of the extension does."""
    try:
        state = json.loads(answer)["ApplicationHealthState"]
    except (ValueError, KeyError, TypeError):
        return "Unknown"
    return str(state) if state in _STATES else "Unknown"


def custom_metrics(answer: str) -> str:
    """Return the CustomMetrics in a probe's answer: a non-empty JSON object as text."""
    try:
        text = json.loads(answer)["CustomMetrics"]
        found = json.loads(text)
    except (ValueError, KeyError, TypeError):
        return ""
    return str(text) if isinstance(found, dict) and found else ""
