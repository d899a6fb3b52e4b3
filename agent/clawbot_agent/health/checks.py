"""Checks of the instance itself, and the list of all components."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ErrorRef, FailureCause
from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.features.caddy.health import CaddyCheck
from clawbot_agent.features.gateway.health import ContainerCheck, GatewayCheck
from clawbot_agent.features.lease.health import LeaseCheck
from clawbot_agent.features.share.health import TicketCheck
from clawbot_agent.health.last_run import LastRunCheck
from clawbot_agent.health.refresh import Watch
from clawbot_agent.health.verdict import REPLACEMENT, RUN, SUSPENDED
from clawbot_agent.host import Host
from clawbot_agent.host.files import Space, space_of
from clawbot_agent.lifecycle.shutdown.errors import InstanceLeavingError
from clawbot_agent.records import replacement
from clawbot_agent.records.shutdown import SHUTDOWN, ShutdownReport

_MEMINFO: Final = Path("/proc/meminfo")
# of a small instance's 30 GB disk one rebuilt container image takes some 3 GB
_DISK_WARNING: Final = 0.10
_DISK_FULL: Final = 0.02
_MEMORY_WARNING: Final = 0.08
_MEMORY_FULL: Final = 0.03
_GIGA: Final = 1e9
# the watcher writes every ten seconds, but may wait two minutes for its very first answer
_FRESH_SECONDS: Final = 180.0
# an update of the metadata service takes up to 70 s
_UNANSWERED_SECONDS: Final = 300.0


class DiskCheck:
    """Free space on the operating system's disk, which holds the container too."""

    def __init__(self, path: Path = Path("/"), space: Callable[[Path], Space] = space_of) -> None:
        """Check the file system of `path`."""
        self._path = path
        self._space = space

    def __call__(self, host: Host) -> Finding:
        """Compare bytes and inodes: either can run out."""
        del host
        found = self._space(self._path)
        # some file systems do not count files
        parts = {
            "bytes": found.free_bytes / max(found.total_bytes, 1),
            "inodes": found.free_files / found.total_files if found.total_files else 1.0,
        }
        state = _level(min(parts.values()), _DISK_WARNING, _DISK_FULL)
        reason = f"{found.free_bytes / _GIGA:.1f} GB and {parts['inodes']:.0%} of inodes free"
        figures = {"free_bytes": found.free_bytes, "total_bytes": found.total_bytes}
        return Finding(state, reason, figures)


class MemoryCheck:
    """RAM that the kernel can provide without swapping."""

    def __call__(self, host: Host) -> Finding:
        """Read /proc/meminfo (proc(5); values in KiB)."""
        lines = (line.split() for line in (host.files.read_text(_MEMINFO) or "").splitlines())
        found = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1}
        total, free = found.get("MemTotal:"), found.get("MemAvailable:")
        if not total or free is None:
            return Finding(ComponentState.UNKNOWN, f"{_MEMINFO}: no MemTotal or MemAvailable")
        state = _level(free / total, _MEMORY_WARNING, _MEMORY_FULL)
        reason = f"{free / _GIGA:.1f} of {total / _GIGA:.1f} GB available"
        return Finding(state, reason, {"available_bytes": free, "total_bytes": total})


def _level(part: float, warning: float, full: float) -> ComponentState:
    if part < full:
        return ComponentState.FAILED
    return ComponentState.WARNING if part < warning else ComponentState.OK


class EventsCheck:
    """Scheduled events: what is announced, and the progress of a shutdown."""

    def __call__(self, host: Host) -> Finding:
        """Read the watcher's report.

        Raises:
            RecordError: it is damaged.
        """
        report = SHUTDOWN.read(host.files)
        if report is None:
            return Finding(ComponentState.ABSENT, "scheduled events are not watched")
        return _events(report, host)


def _events(report: ShutdownReport, host: Host) -> Finding:
    now = host.clock.now()
    silent = (now - report.updated).total_seconds()
    if silent > _FRESH_SECONDS:
        why = f"no report from the scheduled-events watcher for {age_text(silent)}"
        return Finding(ComponentState.UNKNOWN, why)
    if report.leaving:
        # no reason to replace an instance that is being replaced
        return Finding(ComponentState.WARNING, report.text, errors=(InstanceLeavingError.ref(),))
    if report.answered is None:
        return Finding(ComponentState.ABSENT, "the metadata service never answered: not in Azure?")
    unanswered = (now - report.answered).total_seconds()
    if unanswered > _UNANSWERED_SECONDS:
        why = f"no answer from the metadata service for {age_text(unanswered)}: {report.problem}"
        return Finding(ComponentState.WARNING, why)
    return Finding(ComponentState.OK, report.text)


class ReplacementCheck:
    """Whether earlier instances of this bot failed with the same error."""

    def __call__(self, host: Host) -> Finding:
        """Read the verdict of the last failed run.

        Raises:
            RecordError: it is damaged.
        """
        found = replacement.REPLACEMENT.read(host.files)
        if found is None or not found.suspended:
            return Finding(ComponentState.OK, "replacement is allowed", {SUSPENDED: 0})
        why = f"replacement is suspended: {found.reason}"
        errors = (ErrorRef(found.code, FailureCause.UNCERTAIN),)
        return Finding(ComponentState.WARNING, why, {SUSPENDED: 1}, errors)


def bot_watches() -> tuple[Watch, ...]:
    """Return the components of a bot in the order of /health; intervals and limits in seconds."""
    return (
        Watch("gateway", GatewayCheck(), every=5, limit=12),
        Watch("container", ContainerCheck(), every=10, limit=10),
        Watch("lease", LeaseCheck(), every=5, limit=5),
        Watch("caddy", CaddyCheck(), every=8, limit=10),
        Watch("disk", DiskCheck(), every=30, limit=5),
        Watch("memory", MemoryCheck(), every=10, limit=5),
        Watch(RUN, LastRunCheck(), every=2, limit=12),
        Watch("ticket", TicketCheck(), every=30, limit=5),
        Watch("events", EventsCheck(), every=5, limit=5),
        Watch(REPLACEMENT, ReplacementCheck(), every=5, limit=5),
    )
