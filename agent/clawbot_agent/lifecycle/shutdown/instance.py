"""The instance around the daemon that watches scheduled events."""

import contextlib
from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.constants import (
    GATEWAY_CONTAINER,
    GATEWAY_UNIT,
    LEASE_UNIT,
    RECONCILE_TIMER,
    RECONCILE_UNIT,
)
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import LOCK_FILE, PACE_FILE
from clawbot_agent.features.lease.report import LeaseState, read_report
from clawbot_agent.host import Host
from clawbot_agent.host.lock import holder_of, holder_pid
from clawbot_agent.host.units import Unit

__all__ = ["Instance"]

_SYSTEMCTL_SECONDS: Final = 5.0
_DOCKER_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Instance:
    """`Machine` (see `ports`) on this instance."""

    host: Host

    def hold_runs(self) -> None:
        """The timer alone would not do: a run may be under way, or an operator's."""
        self._systemctl("stop", RECONCILE_TIMER)
        process = holder_pid(LOCK_FILE)
        if process is not None:
            # it ends its children and says that it was interrupted
            self._try("kill", "-s", "TERM", str(process), timeout=_KILL_SECONDS)

    def runs_are_over(self) -> bool:
        """Nobody holds the run's lock."""
        return holder_of(LOCK_FILE) is None

    def stop_gateway(self) -> None:
        """Its unit gives it 330 s."""
        self._systemctl("stop", GATEWAY_UNIT)

    def gateway_is_over(self) -> bool:
        """Ask systemd."""
        unit = self._unit(GATEWAY_UNIT)
        return unit is not None and (unit.over or not unit.installed)

    def kill_gateway(self) -> None:
        """The unit's own stop comes to its end with that."""
        self._try("docker", "kill", GATEWAY_CONTAINER, timeout=_DOCKER_SECONDS)

    def sync(self, seconds: float) -> bool:
        """All file systems: the state, and the instance's disk, which a reboot keeps."""
        try:
            return self.host.run(("sync",), timeout=seconds).ok
        except ClawbotError:
            return False

    def release(self) -> None:
        """What is bound to the lease, gateway and mount, is stopped before it."""
        self._systemctl("stop", LEASE_UNIT)

    def release_is_over(self) -> bool:
        """Ask systemd."""
        unit = self._unit(LEASE_UNIT)
        return unit is not None and (unit.over or not unit.installed)

    def release_problem(self) -> str:
        """Ask the lease's daemon; a bot whose memory is on its own disk has none."""
        report = read_report(self.host.files)
        if report is None or report.state is LeaseState.RELEASED:
            return ""
        return report.problem or "the lease was not given back"

    def return_to_work(self) -> None:
        """Now, and every few minutes; what was stopped here is no repair that might rest."""
        with contextlib.suppress(ClawbotError):
            self.host.files.remove(PACE_FILE)
        self._systemctl("start", RECONCILE_TIMER)
        self._systemctl("start", RECONCILE_UNIT)

    def _unit(self, name: str) -> Unit | None:
        try:
            return self.host.units.get(name)
        except ClawbotError:
            return None

    def _systemctl(self, verb: str, unit: str) -> None:
        self._try("systemctl", verb, "--no-block", unit, timeout=_SYSTEMCTL_SECONDS)

    def _try(self, *argv: str, timeout: float) -> None:
        with contextlib.suppress(ClawbotError):
            self.host.run(argv, timeout=timeout)
