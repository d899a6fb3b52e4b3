"""`Host`: every port to the machine, under one time limit."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from clawbot_agent.core.paths import DOCKER_SOCKET
from clawbot_agent.core.secret import Redactor
from clawbot_agent.host.commands import Run, SystemRun
from clawbot_agent.host.docker import Docker
from clawbot_agent.host.docker_engine import SystemDocker
from clawbot_agent.host.files import Files, Space, SystemFiles, space_of
from clawbot_agent.host.guarded_files import GuardedFiles, Isolated, IsolatedCalls
from clawbot_agent.host.http import (
    Download,
    GetJson,
    PostJson,
    SystemDownload,
    SystemGetJson,
    SystemPostJson,
)
from clawbot_agent.host.isolation import Isolation
from clawbot_agent.host.limit import Clock, Limit, SystemClock
from clawbot_agent.host.network import Reach, SystemReach
from clawbot_agent.host.systemd import Units

__all__ = ["Host", "system_host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine under one time limit.

    Attributes:
        isolated: runs one operation of a feature in a child process.
        limit: the time left; every port honors it.
        redactor: is given each secret as soon as it is read.
        note: logs a fact of one short line in the run's output and events.
        rebound: makes the same ports for another limit.
        space: free space of a local file system; a share may never answer.
    """

    run: Run
    files: Files
    isolated: Isolated
    units: Units
    docker: Docker
    download: Download
    get_json: GetJson
    post_json: PostJson
    reach: Reach
    limit: Limit
    redactor: Redactor
    rebound: Callable[[Limit], "Host"]
    space: Callable[[Path], Space] = space_of
    note: Callable[[str], None] = lambda _text: None

    @property
    def clock(self) -> Clock:
        """The clock of the limit."""
        return self.limit.clock

    def beyond(self, seconds: float, *, label: str) -> "Host":
        """Return the same machine with `seconds` of its own, to clean up after a deadline."""
        deadline = self.clock.monotonic() + seconds
        limit = replace(self.limit, deadline=deadline, label=label)
        return replace(self.rebound(limit), note=self.note)

    def within(self, seconds: float, *, label: str) -> "Host":
        """Return the same machine with at most `seconds` from now."""
        return replace(self.rebound(self.limit.narrowed(seconds, label=label)), note=self.note)


def system_host(
    *,
    deadline: float,
    canceled: threading.Event | None = None,
    guarded: tuple[Path, ...] = (),
) -> Host:
    """Return this machine, for at most `deadline` seconds.

    Paths at and below those in `guarded` are on a share, so a child process uses them.
    """
    clock = SystemClock()
    direct, isolation = SystemFiles(), Isolation()
    redactor = Redactor()
    limit = Limit(clock, clock.monotonic() + deadline, canceled=canceled or threading.Event())

    def bound(limit: Limit) -> Host:
        run = SystemRun(limit)
        files = GuardedFiles(direct, guarded, limit, isolation)
        return Host(
            run=run,
            files=files,
            isolated=IsolatedCalls(limit),
            units=Units(run),
            docker=SystemDocker.at(DOCKER_SOCKET, files=files),
            download=SystemDownload(limit),
            get_json=SystemGetJson(limit),
            post_json=SystemPostJson(limit),
            reach=SystemReach(limit),
            limit=limit,
            redactor=redactor,
            rebound=bound,
        )

    return bound(limit)
