"""What a scale set's instances are: a door through which real machines can be put in.

The default only remembers that it was asked.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_PUBLIC: Final = "203.0.113."


@dataclass(frozen=True, slots=True)
class Model:
    """What an instance is made from: the scale set's own body, as it was sent.

    Args:
        size: of the machine, "Standard_B2als_v2".
        location: the region.
        custom_data: decoded.
        user_data: decoded.
        computer_name: its host name.
        identities: of the user-assigned identities in the body, as the metadata service tells
            them: "client_id", "object_id", "resource_id".
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
    """Which instance of which scale set.

    Args:
        id: its resource id.
        scale_set: the scale set's name.
        name: "bot_0".
        vm_id: which the machine finds in its firmware.
        group: the resource group's name.
    """

    id: str
    scale_set: str
    name: str
    vm_id: str
    group: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a command said."""

    stdout: str = ""
    stderr: str = ""


class Machines(Protocol):
    """Makes and runs machines. What they raise, the operation fails with.

    Calls for one instance come one after the other; those for several may overlap.
    """

    def create(self, instance: Instance, model: Model) -> None:
        """Boot a new machine; returns when it runs, not when it is set up."""

    def start(self, instance: Instance) -> None:
        """Boot a deallocated machine with the disk it had."""

    def deallocate(self, instance: Instance) -> None:
        """Power it off, with a signal to the system first."""

    def restart(self, instance: Instance) -> None:
        """Boot it again."""

    def reimage(self, instance: Instance, model: Model) -> None:
        """Boot it from a new disk; it is the same instance with a new vmId."""

    def delete(self, instance: Instance) -> None:
        """Throw it away."""

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """Run a shell script's lines as root."""

    def console(self, instance: Instance) -> bytes:
        """What it wrote to its serial port."""

    def health(self, instance: Instance) -> str:
        """What its health extension says: Healthy, Unhealthy, Initializing or Unknown."""

    def metrics(self, instance: Instance) -> str:
        """The CustomMetrics in its last answer to the health extension; empty without any."""

    def address(self, instance: Instance) -> str:
        """Its public IPv4 address; the same one as long as the instance lives."""


@dataclass(slots=True)
class InMemoryMachines:
    """Machines that change their state and do nothing else.

    Args:
        reply: what a command says, or a function of instance and script that makes it.
        console_text: what each of them wrote to its serial port.
        state: of their health.
        custom_metrics: what they say beside it, a JSON object as text.
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
        """It runs."""
        self._note("create", instance)
        self.running[instance.id] = model

    def start(self, instance: Instance) -> None:
        """It runs again."""
        self._note("start", instance)
        if instance.id in self.stopped:
            self.running[instance.id] = self.stopped.pop(instance.id)

    def deallocate(self, instance: Instance) -> None:
        """It does not run."""
        self._note("deallocate", instance)
        if instance.id in self.running:
            self.stopped[instance.id] = self.running.pop(instance.id)

    def restart(self, instance: Instance) -> None:
        """It is noted."""
        self._note("restart", instance)

    def reimage(self, instance: Instance, model: Model) -> None:
        """It runs with this model."""
        self._note("reimage", instance)
        self.stopped.pop(instance.id, None)
        self.running[instance.id] = model

    def delete(self, instance: Instance) -> None:
        """It is gone."""
        self._note("delete", instance)
        self.running.pop(instance.id, None)
        self.stopped.pop(instance.id, None)
        self._addresses.pop(instance.id, None)

    def run_command(self, instance: Instance, script: tuple[str, ...]) -> Output:
        """The reply that was given."""
        self._note("run_command", instance)
        return self.reply(instance, script) if callable(self.reply) else self.reply

    def console(self, instance: Instance) -> bytes:
        """The text that was given."""
        self._note("console", instance)
        return self.console_text.encode()

    def health(self, instance: Instance) -> str:
        """The state that was given, of those that run."""
        return self.state if instance.id in self.running else "Unknown"

    def metrics(self, instance: Instance) -> str:
        """The text that was given, of those that run."""
        return self.custom_metrics if instance.id in self.running else ""

    def address(self, instance: Instance) -> str:
        """One of those kept for documentation."""
        with self._lock:
            taken = set(self._addresses.values())
            free = (f"{_PUBLIC}{number}" for number in range(10, 250))
            return self._addresses.setdefault(
                instance.id, next(address for address in free if address not in taken)
            )

    def _note(self, what: str, instance: Instance) -> None:
        with self._lock:
            self.calls.append((what, instance.name))
