"""Commands in a virtual machine over SSH, as root, with the bench's key."""

import shlex
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import outlive

_CONNECT_SECONDS: Final = 60.0
_PORT: Final = 22


@dataclass(frozen=True, slots=True)
class Ssh:
    """SSH access to one machine.

    Args:
        name: of the machine, also in the configuration.
        folder: for the configuration and the socket of the persistent connection.
        group: the control group of that connection.
    """

    name: str
    folder: Path
    group: str

    @property
    def config(self) -> Path:
        """Configuration for `ssh -F`, with the machine's name as the host."""
        return self.folder / "ssh_config"

    @property
    def _socket(self) -> Path:
        return self.folder / "ssh"

    def configure(self, *, address: str, key: Path) -> None:
        """Write the configuration."""
        options = {
            "HostName": address,
            "User": "root",
            "IdentityFile": key,
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            # every machine has new host keys, and addresses are reused
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": int(_CONNECT_SECONDS),
            "ServerAliveInterval": 10,
            "ServerAliveCountMax": 6,
            # a new connection takes an emulated processor a second or more
            "ControlPath": self._socket,
        }
        lines = [f"Host {self.name}", *(f"    {name} {value}" for name, value in options.items())]
        self.config.write_text("\n".join(lines) + "\n")

    def enter(self, command: str | Sequence[str], *, terminal: bool = False) -> tuple[str, ...]:
        """Return the argv of a command in the machine: a string for bash, or an argv sequence."""
        words = ("/bin/bash", "-c", command) if isinstance(command, str) else tuple(command)
        flags = ("-t",) if terminal else ()
        return ("ssh", "-F", str(self.config), *flags, self.name, shlex.join(words))

    def connect(self, address: str, *, deadline: float) -> bool:
        """Try once to open the persistent connection; return whether it succeeded.

        Args:
            address: of the machine.
            deadline: on the monotonic clock.
        """
        if not answers(address):
            return False
        argv = ("ssh", "-F", str(self.config), "-N", "-o", "ControlMaster=yes", self.name)
        master = outlive.start(argv, group=self.group, log=self.folder / "ssh.log")
        while master.alive() and time.monotonic() < deadline:
            if self._master_answers():
                return True
            time.sleep(0.2)
        master.stop()
        return False

    def connected(self) -> bool:
        """Return whether a persistent connection exists and reaches the machine."""
        if not self._master_answers():
            return False
        argv = self.enter(("true",))
        quiet = subprocess.DEVNULL
        try:
            done = subprocess.run(
                argv, stdin=quiet, stdout=quiet, stderr=quiet, timeout=20, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def forget(self) -> None:
        """Close the persistent connection."""
        self._control("exit")
        self._socket.unlink(missing_ok=True)

    def _master_answers(self) -> bool:
        return self._control("check")

    def _control(self, command: str) -> bool:
        argv = ("ssh", "-F", str(self.config), "-O", command, self.name)
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def answers(address: str) -> bool:
    """Return whether an SSH server at this address sends its banner."""
    try:
        with socket.create_connection((address, _PORT), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
