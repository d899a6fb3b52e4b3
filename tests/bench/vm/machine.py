"""One virtual machine: power, console and commands in it."""

import json
import math
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.bench import launch, outlive
from tests.bench.azure.control import Control
from tests.bench.errors import BenchError
from tests.bench.network import Network
from tests.bench.state import Process
from tests.bench.vm import qemu, qmp, uml, wire
from tests.bench.vm.qemu import Folder, Hardware
from tests.bench.vm.ssh import Ssh

_HARDWARE: Final = "hardware.json"
_PROCESS: Final = "process.json"
_SETTLE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Vm:
    """A virtual machine of a running bench.

    Args:
        root: its directory.
        net: the bench's network.
        azure: control of the bench's services.
    """

    root: Path
    net: Network
    azure: Control

    @property
    def name(self) -> str:
        """Its name, also its host name."""
        return self.root.name

    @property
    def address(self) -> str:
        """Its private address, also reachable from the host."""
        return self.net.address(self.hardware.number)

    @property
    def uuid(self) -> str:
        """The firmware's UUID, which is its vmId and cloud-init's instance id."""
        return self.hardware.uuid

    @property
    def console(self) -> Path:
        """The log of its serial port, over all its boots."""
        return Folder(self.root).console

    @property
    def ssh_config(self) -> Path:
        """Configuration for `ssh -F` and testinfra, with the machine's name as the host."""
        return self._ssh.config

    @property
    def hardware(self) -> Hardware:
        """Its hardware.

        Raises:
            BenchError: there is no such machine.
        """
        try:
            raw = json.loads((self.root / _HARDWARE).read_text())
        except FileNotFoundError as error:
            msg = f"there is no virtual machine called {self.name!r}"
            raise BenchError(msg) from error
        return Hardware(**{**raw, "acceleration": tuple(raw["acceleration"])})

    def remember(self, hardware: Hardware) -> None:
        """Save its hardware."""
        (self.root / _HARDWARE).write_text(json.dumps(asdict(hardware), indent=2) + "\n")

    def process(self) -> Process | None:
        """Return QEMU's process, running or not; None before the first power-on."""
        try:
            return Process(**json.loads((self.root / _PROCESS).read_text()))
        except FileNotFoundError:
            return None

    def running(self) -> bool:
        """Return whether it is powered on."""
        process = self.process()
        return process is not None and process.alive()

    def power_on(self) -> None:
        """Boot it with its disk and UUID.

        Raises:
            BenchError: it is already on, or QEMU exited at once (the message contains its output).
        """
        if self.running():
            msg = f"{self.name} is already powered on"
            raise BenchError(msg)
        self._ssh.forget()
        hardware, folder = self.hardware, Folder(self.root)
        number = hardware.number
        cable = {"mac": self.net.mac(number), "tap": wire.tap(number)}
        if hardware.user_mode:
            monitor, log = uml.make_ready(folder), folder.console
            argv = uml.arguments(hardware, folder, **cable)
        else:
            monitor, log = qemu.make_ready(folder), self.root / "qemu.log"
            argv = qemu.arguments(hardware, folder, **cable)
        inside = ("ip", "netns", "exec", self.net.azure_namespace)
        process = outlive.start((*inside, *argv), group=self._group, log=log)
        (self.root / _PROCESS).write_text(json.dumps(asdict(process)) + "\n")
        deadline = time.monotonic() + _SETTLE_SECONDS
        while not monitor.exists() and time.monotonic() < deadline:
            if not process.alive():
                msg = f"{self.name} exited at once:\n{log.read_text()[-2000:]}"
                raise BenchError(msg)
            time.sleep(0.05)

    def power_cut(self) -> None:
        """Kill it immediately, if it is on."""
        launch.clear(self._group)
        process = self.process()
        if process is not None:
            # it may not have joined its control group yet
            process.send(signal.SIGKILL)
            process.wait(seconds=_SETTLE_SECONDS)
        self._ssh.forget()

    def shutdown(self, *, timeout: float = 120.0) -> None:
        """Press the power button and wait.

        Args:
            timeout: in seconds.

        Raises:
            BenchError: it is still on after the timeout.
        """
        process = self.process()
        if process is None or not process.alive():
            return
        if self.hardware.user_mode:
            self.exec(("systemctl", "poweroff"))
        else:
            qmp.execute(Folder(self.root).monitor, "system_powerdown")
        if not process.wait(seconds=timeout):
            msg = f"{self.name} has not powered off within {timeout:.0f} s; see {self.console}"
            raise BenchError(msg)
        self._ssh.forget()

    def delete(self) -> None:
        """Delete it and its disk, as a scale set does."""
        number = self.hardware.number
        self.power_cut()
        wire.unplug(self.net, number)
        for service in ("imds", "wireserver"):
            self.azure.set(service, instances={self.net.address(number): None})
        shutil.rmtree(self.root)

    def wait_for_ssh(self, *, timeout: float = 600.0) -> None:
        """Wait until commands can be run; keep a connection open that makes them fast.

        Args:
            timeout: seconds.

        Raises:
            BenchError: it powered off or did not answer in time (the message contains the end of
                the console).
        """
        deadline, address = time.monotonic() + timeout, self.address
        while not (self._ssh.connected() or self._ssh.connect(address, deadline=deadline)):
            if not self.running() or time.monotonic() > deadline:
                why = "does not answer in time" if self.running() else "is off"
                said = self.console.read_text(errors="replace") if self.console.exists() else ""
                tail = "\n".join(said.splitlines()[-20:])
                msg = f"{self.name} {why}; the end of {self.console}:\n{tail}"
                raise BenchError(msg)
            time.sleep(0.5)

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root and capture the output; exit code 255 if SSH fails.

        Args:
            command: a string for bash, or an argv sequence.
            timeout: in seconds; then it is killed.
            stdin: its standard input.

        Raises:
            subprocess.TimeoutExpired: it was killed after the timeout.
        """
        words = ("/bin/bash", "-c", command) if isinstance(command, str) else tuple(command)
        if timeout is not None:
            # closing the connection alone would leave it running
            words = ("timeout", "--signal=KILL", str(math.ceil(timeout)), *words)
        return subprocess.run(
            self.enter(words),
            capture_output=True,
            timeout=timeout,
            input=stdin if stdin is not None else "",
            text=True,
            check=False,
        )

    def enter(self, command: str | Sequence[str], *, terminal: bool = False) -> tuple[str, ...]:
        """Return the argv that runs a command in it with the caller's own streams."""
        return self._ssh.enter(command, terminal=terminal)

    def health(self) -> list[dict[str, object]]:
        """Return its reports to the wire server, oldest first: `state` is Ready or NotReady."""
        reports: list[dict[str, object]] = self.azure.get("wireserver")["health"]
        return [report for report in reports if report["client"] == self.address]

    def configure_ssh(self, key: Path) -> None:
        """Write `ssh_config`."""
        self._ssh.configure(address=self.address, key=key)

    @property
    def _group(self) -> str:
        return outlive.group(self.net.index, f"vm-{self.name}")

    @property
    def _ssh(self) -> Ssh:
        return Ssh(self.name, self.root, outlive.group(self.net.index))
