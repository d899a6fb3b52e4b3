"""systemd: the state of units, changing it, and sd_notify(3) for the agent's own services."""

import os
import socket
from dataclasses import dataclass
from typing import Final, Self

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.commands import Run

__all__ = ["Notifier", "Unit", "UnitFailedError", "Units"]


class UnitFailedError(ClawbotError):
    """A systemd unit did not start, restart or reload."""

    code = "UNIT_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see the unit's last journal lines in the message, and 'systemctl status UNIT'"


@dataclass(frozen=True, slots=True)
class Unit:
    """The state of a unit, in systemd's terms."""

    load: str
    active: str
    enabled: str

    @property
    def installed(self) -> bool:
        """Whether systemd knows the unit."""
        return self.load == "loaded"

    @property
    def running(self) -> bool:
        """Whether it is active."""
        return self.active in {"active", "reloading"}

    @property
    def over(self) -> bool:
        """Whether it is down and systemd will not restart it."""
        return self.active in {"inactive", "failed"}


@dataclass(frozen=True, slots=True)
class Units:
    """systemctl."""

    run: Run

    def get(self, name: str) -> Unit:
        """Return the state of unit `name`; one that does not exist has load "not-found"."""
        done = self.run(
            ("systemctl", "show", name, "--property=LoadState,ActiveState,UnitFileState"),
            timeout=15,
        )
        found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        return Unit(
            load=found.get("LoadState", "not-found"),
            active=found.get("ActiveState", "unknown"),
            enabled=found.get("UnitFileState", ""),
        )

    def change(self, verb: str, name: str, *, timeout: float = 90, wait: bool = True) -> None:
        """Run `systemctl VERB NAME`; with `wait`, until systemd has finished the job.

        Raises:
            UnitFailedError: with the unit's last journal lines.
        """
        options = (*(("--now",) if verb == "enable" else ()), *(() if wait else ("--no-block",)))
        done = self.run(("systemctl", verb, *options, name), timeout=timeout)
        if done.ok:
            return
        # the unit's own output comes before systemd's lines about it
        journal = self.run(
            ("journalctl", "--unit", name, "--lines=10", "--no-pager", "--output=cat"), timeout=15
        )
        msg = f"systemctl {verb} {name}: {done.stderr.strip()}; {journal.stdout.strip()}"
        raise UnitFailedError(" ".join(msg.split()))

    def forget_failures(self, name: str) -> None:
        """Clear a unit's failure and its start limit."""
        self.run(("systemctl", "reset-failed", name), timeout=15)

    def reload_definitions(self) -> None:
        """Make systemd read its unit files again."""
        self.run(("systemctl", "daemon-reload"), timeout=60).require()


_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
# a manager that does not read must not block the service
_SEND_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends a service's state to its manager; does nothing without a manager, and never raises.

    Attributes:
        address: the manager's datagram socket; "@NAME" is an abstract one; empty: none.
        watchdog_seconds: the longest time between two watchdog messages; 0: no watchdog.
    """

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def from_environment(cls) -> Self:
        """Return a notifier for the inherited socket, which children no longer inherit."""
        microseconds = os.environ.pop(_WATCHDOG, "")
        seconds = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
        # systemctl and docker would send their own state to it
        return cls(os.environ.pop(_SOCKET, ""), seconds)

    def ready(self, text: str = "") -> None:
        """Report that the service has started; `text` is its first status, one line."""
        self._send("READY=1", *_status(text))

    def status(self, text: str) -> None:
        """Set the line that 'systemctl status' shows; no secret."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Report that the service is alive."""
        self._send("WATCHDOG=1")

    def stopping(self, text: str = "") -> None:
        """Report that the service is stopping."""
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
            # the manager restarts, or is gone; the next message tries again
            return


def _status(text: str) -> tuple[str, ...]:
    # a line break would start a field of its own
    return (f"STATUS={' '.join(text.split())}",) if text else ()
