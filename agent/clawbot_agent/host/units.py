"""systemd units: what state they are in, and changing it."""

from dataclasses import dataclass

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.commands import Run

__all__ = ["Unit", "UnitFailedError", "Units"]


class UnitFailedError(ClawbotError):
    """A systemd unit did not start, restart or reload."""

    code = "UNIT_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "the message ends with the unit's last journal lines; 'systemctl status UNIT' has more"


@dataclass(frozen=True, slots=True)
class Unit:
    """State of a unit in systemd's own words."""

    load: str
    active: str
    enabled: str

    @property
    def installed(self) -> bool:
        """Whether systemd knows the unit."""
        return self.load == "loaded"

    @property
    def running(self) -> bool:
        """Whether it is up."""
        return self.active in {"active", "reloading"}

    @property
    def over(self) -> bool:
        """Whether it is down and systemd is not about to start it again."""
        return self.active in {"inactive", "failed"}


@dataclass(frozen=True, slots=True)
class Units:
    """systemctl."""

    run: Run

    def get(self, name: str) -> Unit:
        """State of unit `name`; a unit that does not exist has load "not-found"."""
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
        """Run `systemctl VERB NAME` and, with `wait`, let systemd come to the end of it.

        Raises:
            UnitFailedError: with the unit's last journal lines.
        """
        options = (*(("--now",) if verb == "enable" else ()), *(() if wait else ("--no-block",)))
        done = self.run(("systemctl", verb, *options, name), timeout=timeout)
        if done.ok:
            return
        # what the unit's programs wrote comes before systemd's own lines about it
        journal = self.run(
            ("journalctl", "--unit", name, "--lines=10", "--no-pager", "--output=cat"), timeout=15
        )
        msg = f"systemctl {verb} {name}: {done.stderr.strip()}; {journal.stdout.strip()}"
        raise UnitFailedError(" ".join(msg.split()))

    def forget_failures(self, name: str) -> None:
        """Clear a unit's failure, and the count of starts after which systemd gives up on it."""
        self.run(("systemctl", "reset-failed", name), timeout=15)

    def reload_definitions(self) -> None:
        """Make systemd read its unit files again."""
        self.run(("systemctl", "daemon-reload"), timeout=60).require()
