"""The instance around the lease's daemon: fencing, telling, the mount table."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_UNIT, RECONCILE_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import LEASE_FILE, LOCK_FILE
from clawbot_agent.features.lease.report import LeaseReport, LeaseState
from clawbot_agent.features.mounts.table import mount_of
from clawbot_agent.host import Host
from clawbot_agent.host.lock import holder_of
from clawbot_agent.host.notify import Notifier

__all__ = ["Instance"]

_CONTAINERS: Final = Path("/var/lib/docker/containers")
# shorter than the stage "lease" waits
_RUN_WAITS_SECONDS: Final = 240
_SYSTEMCTL_SECONDS: Final = 2
_KILL_SECONDS: Final = 1
_DOCKER_SECONDS: Final = 3


@dataclass(slots=True)
class Instance:
    """`Machine` (see `daemon`) on this instance. It must not be told to stop: it fences then.

    Attributes:
        say: gets a line for the journal when something changes.
    """

    host: Host
    notifier: Notifier
    share: Path
    state: Path
    say: Callable[[str], None]
    _said: str = field(default="")
    _begun: float = field(default=0.0)

    def __post_init__(self) -> None:
        """Remember when it began."""
        self._begun = self.host.clock.monotonic()

    def fence(self) -> None:
        """Kill the gateway.

        The processes first, which needs neither systemd nor Docker to answer; then systemd is
        told to stop the gateway, and what it may have started again in between is killed too.
        """
        self._kill_processes()
        self._try("systemctl", "stop", "--no-block", GATEWAY_UNIT, timeout=_SYSTEMCTL_SECONDS)
        self._kill_processes()
        self._try("docker", "kill", GATEWAY_CONTAINER, timeout=_DOCKER_SECONDS)
        self.say("fenced: the gateway is killed")

    def held(self) -> None:
        """Tell systemd, and have the agent go on with what needs the lease.

        A run that is under way goes on by itself, unless it has waited too long by now.
        """
        self.notifier.ready()
        waited = self.host.clock.monotonic() - self._begun
        if waited >= _RUN_WAITS_SECONDS or holder_of(LOCK_FILE) is None:
            start = ("systemctl", "start", "--no-block", RECONCILE_UNIT)
            self._try(*start, timeout=_SYSTEMCTL_SECONDS)

    def report(self, report: LeaseReport) -> None:
        """Write lease.json; a line for the journal when the story changes."""
        text = _line(report)
        self.notifier.status(text)
        story = f"{report.state}/{report.generation}/{report.problem.partition(' for ')[0]}"
        if story != self._said:
            self._said = story
            self.say(text)
        with contextlib.suppress(ClawbotError):
            self.host.files.write(LEASE_FILE, report.document(), mode=0o644)

    def alive(self) -> None:
        """Feed systemd's watchdog."""
        self.notifier.watchdog()

    def state_is_mounted(self) -> bool:
        """Whether something is mounted at the state's path."""
        mount = mount_of(self.state, self.host.files)
        return mount is not None and mount.point == self.state

    def share_mount(self) -> int | None:
        """Number of the mount under the share's path."""
        mount = mount_of(self.share, self.host.files)
        return None if mount is None else mount.number

    def _kill_processes(self) -> None:
        for process in self._processes():
            self._try("kill", "-s", "KILL", str(process), timeout=_KILL_SECONDS)

    def _processes(self) -> Iterator[int]:
        """First processes of the containers that have the state; the rest dies with them.

        Read from Docker's own records on the local disk, for Docker itself may hang.
        """
        for name in self.host.files.list(_CONTAINERS):
            text = self.host.files.read_text(_CONTAINERS / name / "config.v2.json")
            process = _first_process(text, self.state)
            # a record may be older than a reboot, and its number somebody else's by now
            if process and name in (self.host.files.read_text(_cgroups(process)) or ""):
                yield process

    def _try(self, *argv: str, timeout: float) -> None:
        with contextlib.suppress(ClawbotError):
            self.host.run(argv, timeout=timeout)


def _cgroups(process: int) -> Path:
    return Path(f"/proc/{process}/cgroup")


def _first_process(text: str | None, state: Path) -> int:
    """Of a container that runs with the state; 0 for any other."""
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
        unclean = "" if report.clean else ", taken from a holder that did not give it back"
        return f"holding generation {report.generation}{unclean}{tail}"
    if report.state is LeaseState.WAITING:
        other = report.waiting_for
        if other is None:
            return f"looking for the lease{tail}"
        quiet = f"quiet for {report.quiet_seconds} s"
        return f"waiting for {other.host} ({other.instance_id}, {quiet}){tail}"
    return f"lease {report.state}, generation {report.generation}{tail}"
