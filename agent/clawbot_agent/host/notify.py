"""Telling systemd how a service does (sd_notify(3)): ready, alive, what it is at."""

import os
import socket
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Notifier"]

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
# a manager that does not read must not hold up the service that tells it so
_SEND_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Notifier:
    """One service's line to its manager; without one every message goes nowhere.

    No message raises: a service works as well when nobody listens.

    Attributes:
        address: of the manager's datagram socket; "@NAME" is an abstract one; empty: none.
        watchdog_seconds: how long the manager waits for a sign of life; 0: it does not.
    """

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def from_environment(cls) -> Self:
        """The manager's, as the process inherited it; its children no longer do."""
        microseconds = os.environ.pop(_WATCHDOG, "")
        seconds = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
        # systemctl and docker would report their own state on it
        return cls(os.environ.pop(_SOCKET, ""), seconds)

    def ready(self, text: str = "") -> None:
        """Started; `text` as the first status, one line."""
        self._send("READY=1", *_status(text))

    def status(self, text: str) -> None:
        """What it is at, one line, no secret: 'systemctl status' shows it."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def stopping(self, text: str = "") -> None:
        """It has begun to end."""
        self._send("STOPPING=1", *_status(text))

    def _send(self, *lines: str) -> None:
        if not self.address or not lines:
            return
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(_SEND_SECONDS)
                line.sendto("\n".join(lines).encode(), name)
        except OSError:
            # it has restarted itself, or is gone; the next message finds out
            return


def _status(text: str) -> tuple[str, ...]:
    # a line break would start a field of its own
    return (f"STATUS={' '.join(text.split())}",) if text else ()
