"""The instance as the shutdown uses it."""

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
from clawbot_agent.core.paths import BACKOFF_FILE, LOCK_FILE
from clawbot_agent.host import Host
from clawbot_agent.host.lock import holder_of, holder_pid
from clawbot_agent.records.lease import LEASE, LeaseState

_SYSTEMCTL_SECONDS: Final = 5.0
_DOCKER_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ShutdownInstance:
    """`ShutdownMachine` on this instance."""

    host: Host

    def stop_runs(self) -> None:
        """Stop the timer, and the run that holds the lock, which may be an operator's."""
        self._systemctl("stop", RECONCILE_TIMER)
        process = holder_pid(LOCK_FILE)
        if process is not None:
            # it ends its children and reports that it was interrupted
            self._try("kill", "-s", "TERM", str(process), timeout=_KILL_SECONDS)

    def runs_are_over(self) -> bool:
        """Whether the run's lock is free."""
        return holder_of(LOCK_FILE) is None

    def stop_gateway(self) -> None:
        """Stop the unit, which gives the gateway 330 s."""
        self._systemctl("stop", GATEWAY_UNIT)

    def gateway_is_over(self) -> bool:
        """Whether systemd sees the unit stopped."""
        return self._is_over(GATEWAY_UNIT)

    def kill_gateway(self) -> None:
        """Kill the container, which ends the unit's own stop."""
        self._try("docker", "kill", GATEWAY_CONTAINER, timeout=_DOCKER_SECONDS)

    def sync(self, seconds: float) -> bool:
        """Sync all file systems: the state, and the instance's disk, which a reboot keeps."""
        try:
            return self.host.run(("sync",), timeout=seconds).ok
        except ClawbotError:
            return False

    def release(self) -> None:
        """Stop the lease's unit; systemd stops gateway and mount, which are bound to it, first."""
        self._systemctl("stop", LEASE_UNIT)

    def release_is_over(self) -> bool:
        """Whether systemd sees the lease's unit stopped."""
        return self._is_over(LEASE_UNIT)

    def release_problem(self) -> str:
        """Read the daemon's report; bot data on the instance's own disk has no lease."""
        report = LEASE.load(self.host.files)
        if report is None or report.state is LeaseState.RELEASED:
            return ""
        return report.problem or "the lease was not released"

    def return_to_work(self) -> None:
        """Start a run and the timer; what the shutdown stopped is no repair that backs off."""
        with contextlib.suppress(ClawbotError):
            self.host.files.remove(BACKOFF_FILE)
        self._systemctl("start", RECONCILE_TIMER)
        self._systemctl("start", RECONCILE_UNIT)

    def _is_over(self, name: str) -> bool:
        try:
            unit = self.host.units.get(name)
        except ClawbotError:
            return False
        return unit.over or not unit.installed

    def _systemctl(self, verb: str, unit: str) -> None:
        self._try("systemctl", verb, "--no-block", unit, timeout=_SYSTEMCTL_SECONDS)

    def _try(self, *argv: str, timeout: float) -> None:
        with contextlib.suppress(ClawbotError):
            self.host.run(argv, timeout=timeout)
