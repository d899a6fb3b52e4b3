"""The only door to the machine.

Nothing outside this package starts a process, touches a file or reads the clock. A
stage gets a `Host` and uses its ports; a test gives it one made of fakes.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from clawbot_agent.core.paths import DOCKER_SOCKET
from clawbot_agent.core.secret import Redactor
from clawbot_agent.host.commands import Run, SystemRun
from clawbot_agent.host.docker import Docker, SystemDocker
from clawbot_agent.host.download import Download, SystemDownload
from clawbot_agent.host.files import Files, SystemFiles
from clawbot_agent.host.guarded_files import GuardedFiles, Workers
from clawbot_agent.host.http import GetJson, PostJson, SystemGetJson, SystemPostJson
from clawbot_agent.host.limit import Clock, Limit, SystemClock
from clawbot_agent.host.reach import Reach, SystemReach
from clawbot_agent.host.space import Space, space_of
from clawbot_agent.host.units import Units

__all__ = ["Host", "system_host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine, as seen under one time limit.

    Attributes:
        limit: what time is left; every port honours it.
        redactor: learns each secret the moment it is read.
        note: tells a fact worth keeping (one short line) to whoever follows the run.
        rebound: makes the same ports for another limit.
        space: room on the file system of a path; of a local one, for a share may never answer.
    """

    run: Run
    files: Files
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
        """Where time comes from."""
        return self.limit.clock

    def beyond(self, seconds: float, *, label: str) -> "Host":
        """The same machine with `seconds` of its own, for undoing what ran out of time."""
        deadline = self.clock.monotonic() + seconds
        limit = replace(self.limit, deadline=deadline, label=label)
        return replace(self.rebound(limit), note=self.note)

    def within(self, seconds: float, *, label: str) -> "Host":
        """The same machine with at most `seconds` from now."""
        return replace(self.rebound(self.limit.narrowed(seconds, label=label)), note=self.note)


def system_host(
    *,
    deadline: float,
    cancelled: threading.Event | None = None,
    guarded: tuple[Path, ...] = (),
) -> Host:
    """This machine, for at most `deadline` seconds.

    Files at and below the paths in `guarded` are on a share: the agent does not hang with it.
    """
    clock = SystemClock()
    direct, workers = SystemFiles(), Workers()
    redactor = Redactor()
    limit = Limit(clock, clock.monotonic() + deadline, cancelled=cancelled or threading.Event())

    def bound(limit: Limit) -> Host:
        run = SystemRun(limit)
        return Host(
            run=run,
            files=GuardedFiles(direct, guarded, limit, workers),
            units=Units(run),
            docker=SystemDocker.at(DOCKER_SOCKET, limit=limit),
            download=SystemDownload(limit),
            get_json=SystemGetJson(limit),
            post_json=SystemPostJson(limit),
            reach=SystemReach(limit),
            limit=limit,
            redactor=redactor,
            rebound=bound,
        )

    return bound(limit)
