"""The machines behind a scale set's instances: an interface that real machines can implement.

The default implementation only records calls.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_PUBLIC: Final = "203.0.113."


@dataclass(frozen=True, slots=True)
class Model:
    """The model of an instance: the scale set's body, as it was sent.

    Args:
        size: of the machine, "Standard_B2als_v2".
        location: the region.
        custom_data: decoded.
        user_data: decoded.
        computer_name: its host name.
        identities: the user-assigned identities in the body, with the keys of the metadata
            service: "client_id", "object_id", "resource_id".
        tags: of the scale set.
        profile: `virtualMachineProfile` as it was sent.
    """

    size: str
    location: str
    custom_data: bytes = field(repr=False)
    user_data: bytes = field(repr=False)
    computer_name: str
    identities: tuple[Mapping[str, str], ...]
    tags: Mapping[str, str]
    profile: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a scale set.

    Args:
        id: its resource id.
        scale_set: the scale set's name.
        name: "bot_0".
        vm_id: in the machine's firmware.
        group: the resource group's name.
    """

    id: str
    scale_set: str
    name: str
    vm_id: str
    group: str


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a command."""

    stdout: str = ""
    stderr: str = ""


class Machines(Protocol):
    """Creates and runs machines. An exception fails the operation.

    Calls for one instance are sequential; those for several instances may overlap.
    """

    def create(self, instance: Instance, model: Model) -> None:
        """Boot a new machine; return when it runs, before it is set up."""

    def start(self, instance: Instance) -> None:
        """Boot a deallocated machine from its disk."""

    def deallocate(self, instance: Instance) -> None:
        """Shut the machine down."""

    def restart(self, instance: Instance) -> None:
        """Reboot the machine."""

    def reimage(self, instance: Instance, model: Model) -> None:
        """Boot the same instance from a new disk, with a new vmId."""

    def delete(self, instance: Instance) -> None:
        """Delete the machine."""

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """Run a shell script's lines as root."""

    def console(self, instance: Instance) -> bytes:
        """Return the output of the serial port."""

    def health(self, instance: Instance) -> str:
        """Return the state of the health extension: Healthy, Unhealthy, Initializing or Unknown."""

    def metrics(self, instance: Instance) -> str:
        """Return the CustomMetrics in its last health answer; empty if none."""

    def address(self, instance: Instance) -> str:
        """Return the public IPv4 address, which is constant for the life of the instance."""


@dataclass(slots=True)
class InMemoryMachines:
    """Machines that only change their state.

    Args:
        reply: output of a command, or a function of instance and script that returns it.
        console_text: output of every serial port.
        state: health of running machines.
        custom_metrics: of running machines, a JSON object as text.
    """

    reply: Output | Callable[[Instance, tuple[str, ...]], Output] = Output()
    console_text: str = "Ubuntu 24.04 LTS ttyS0\n"
    state: str = "Healthy"
    custom_metrics: str = ""
    running: dict[str, Model] = field(default_factory=dict)
    stopped: dict[str, Model] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    _addresses: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, instance: Instance, model: Model) -> None:
        """Mark the instance as running."""
        self._note("create", instance)
        self.running[instance.id] = model

    def start(self, instance: Instance) -> None:
        """Mark the instance as running again."""
        self._note("start", instance)
        if instance.id in self.stopped:
            self.running[instance.id] = self.stopped.pop(instance.id)

    def deallocate(self, instance: Instance) -> None:
        """Mark the instance as stopped."""
        self._note("deallocate", instance)
        if instance.id in self.running:
            self.stopped[instance.id] = self.running.pop(instance.id)

    def restart(self, instance: Instance) -> None:
        """Record the call."""
        self._note("restart", instance)

    def reimage(self, instance: Instance, model: Model) -> None:
        """Mark the instance as running with this model."""
        self._note("reimage", instance)
        self.stopped.pop(instance.id, None)
        self.running[instance.id] = model

    def delete(self, instance: Instance) -> None:
        """Forget the instance."""
        self._note("delete", instance)
        self.running.pop(instance.id, None)
        self.stopped.pop(instance.id, None)
        self._addresses.pop(instance.id, None)

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """Return the configured reply."""
        self._note("run_command", instance)
        return self.reply(instance, script) if callable(self.reply) else self.reply

    def console(self, instance: Instance) -> bytes:
        """Return the configured text."""
        self._note("console", instance)
        return self.console_text.encode()

    def health(self, instance: Instance) -> str:
        """Return the configured state if the instance runs."""
        return self.state if instance.id in self.running else "Unknown"

    def metrics(self, instance: Instance) -> str:
        """Return the configured text if the instance runs."""
        return self.custom_metrics if instance.id in self.running else ""

    def address(self, instance: Instance) -> str:
        """Return an address of the range for documentation."""
        with self._lock:
            taken = set(self._addresses.values())
            free = (f"{_PUBLIC}{number}" for number in range(10, 250))
            return self._addresses.setdefault(
                instance.id, next(address for address in free if address not in taken)
            )

    def _note(self, what: str, instance: Instance) -> None:
        with self._lock:
            self.calls.append((what, instance.name))
