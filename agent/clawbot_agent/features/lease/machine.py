"""The instance around the lease daemon: fencing, reporting, the mount table."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_UNIT, RECONCILE_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import LOCK_FILE
from clawbot_agent.features.mounts.table import mount_of, mounted_at
from clawbot_agent.host import Host
from clawbot_agent.host.lock import holder_of
from clawbot_agent.host.systemd import Notifier
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState

_CONTAINERS: Final = Path("/var/lib/docker/containers")
# less than the stage `lease` waits
_RUN_WAITS_SECONDS: Final = 240
_SYSTEMCTL_SECONDS: Final = 2
_KILL_SECONDS: Final = 1
_DOCKER_SECONDS: Final = 3


@dataclass(slots=True)
class LocalMachine:
    """The daemon's `Machine` on this instance. Its host must not be canceled: fencing needs it.

    Attributes:
        say: gets a line for the journal when something changes.
    """

    host: Host
    notifier: Notifier
    share: Path
    state: Path
    say: Callable[[str], None]
    _logged: str = field(default="")
    _begun: float = field(default=0.0)

    def __post_init__(self) -> None:
        """Record the time of the start."""
        self._begun = self.host.clock.monotonic()

    def fence(self) -> None:
        """Kill the gateway.

        First the processes, which needs neither systemd nor Docker to answer; then systemd must
        stop the gateway, and whatever it restarted in between is killed too.
        """
        self._kill_processes()
        self._try("systemctl", "stop", "--no-block", GATEWAY_UNIT, timeout=_SYSTEMCTL_SECONDS)
        self._kill_processes()
        self._try("docker", "kill", GATEWAY_CONTAINER, timeout=_DOCKER_SECONDS)
        self.say("fenced: the gateway is killed")

    def held(self) -> None:
        """Notify systemd, and start a run for what needs the lease.

        A run in progress continues by itself, unless it has stopped waiting by now.
        """
        self.notifier.ready()
        waited = self.host.clock.monotonic() - self._begun
        if waited >= _RUN_WAITS_SECONDS or holder_of(LOCK_FILE) is None:
            start = ("systemctl", "start", "--no-block", RECONCILE_UNIT)
            self._try(*start, timeout=_SYSTEMCTL_SECONDS)

    def report(self, report: LeaseReport) -> None:
        """Write lease.json; log a line when state, generation or kind of problem change."""
        text = _line(report)
        self.notifier.status(text)
        change = f"{report.state}/{report.generation}/{report.problem.partition(' for ')[0]}"
        if change != self._logged:
            self._logged = change
            self.say(text)
        with contextlib.suppress(ClawbotError):
            LEASE.save(self.host.files, report)

    def alive(self) -> None:
        """Feed systemd's watchdog."""
        self.notifier.watchdog()

    def state_is_mounted(self) -> bool:
        """Return whether the state directory is a mount point."""
        return mounted_at(self.state, self.host.files) is not None

    def share_mount(self) -> int | None:
        """Return the number of the mount that the share lies on."""
        mount = mount_of(self.share, self.host.files)
        return None if mount is None else mount.number

    def _kill_processes(self) -> None:
        for process in self._processes():
            self._try("kill", "-s", "KILL", str(process), timeout=_KILL_SECONDS)

    def _processes(self) -> Iterator[int]:
        """Yield the first process of each container with the bot data; the others die with it.

        Read from Docker's records on the local disk, because Docker itself may hang.
        """
        for name in self.host.files.list(_CONTAINERS):
            text = self.host.files.read_text(_CONTAINERS / name / "config.v2.json")
            process = _first_process(text, self.state)
            # a record may be older than a reboot, and its process number in use by another process
            cgroups = self.host.files.read_text(Path(f"/proc/{process}/cgroup")) if process else ""
            if name in (cgroups or ""):
                yield process

    def _try(self, *argv: str, timeout: float) -> None:
        with contextlib.suppress(ClawbotError):
            self.host.run(argv, timeout=timeout)


def _first_process(text: str | None, state: Path) -> int:
    """Return the process of a running container with the state directory; 0 for any other."""
    try:
        found: dict[str, Any] = json.loads(text or "{}")
        sources = [str(point["Source"]) for point in (found.get("MountPoints") or {}).values()]
        running = found["State"]["Running"] is True
        return int(found["State"]["Pid"]) if running and str(state) in sources else 0
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0


def _line(report: LeaseReport) -> str:
    tail = f" ({report.problem})" if report.problem else ""
    if report.state is LeaseState.HELD:
        unclean = "" if report.clean else ", not released by an earlier holder"
        return f"holding generation {report.generation}{unclean}{tail}"
    if report.state is LeaseState.WAITING:
        other = report.waiting_for
        if other is None:
            return f"reading the lease directory{tail}"
        quiet = f"no heartbeat for {report.silent_seconds} s"
        return f"waiting for {other.host} ({other.instance_id}, {quiet}){tail}"
    return f"lease {report.state}, generation {report.generation}{tail}"
