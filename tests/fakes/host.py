"""A whole machine of fakes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from clawbot_agent.core.secret import Redactor
from clawbot_agent.host import Host
from clawbot_agent.host.files import Space
from clawbot_agent.host.limit import Limit
from clawbot_agent.host.systemd import Units
from tests.fakes.clock import FakeClock
from tests.fakes.docker import FakeDocker
from tests.fakes.files import FakeFiles
from tests.fakes.isolated import FakeIsolated
from tests.fakes.net import FakeDownload, FakeGetJson, FakePostJson, FakeReach
from tests.fakes.run import FakeRun

__all__ = ["ROOMY", "fake_host"]

ROOMY: Final = Space(total_bytes=10**11, free_bytes=10**11, total_files=10**7, free_files=10**7)


def fake_host(  # noqa: PLR0913 - one argument for each port
    *,
    run: FakeRun | None = None,
    isolated: FakeIsolated | None = None,
    files: FakeFiles | None = None,
    docker: FakeDocker | None = None,
    download: FakeDownload | None = None,
    get_json: FakeGetJson | None = None,
    post_json: FakePostJson | None = None,
    reach: FakeReach | None = None,
    clock: FakeClock | None = None,
    redactor: Redactor | None = None,
    canceled: threading.Event | None = None,
    note: Callable[[str], None] = lambda _text: None,
    space: Callable[[Path], Space] = lambda _path: ROOMY,
    deadline: float = 3600,
) -> Host:
    """A machine; pass in the fakes that the test prepares or checks.

    `deadline` is in seconds from the clock's present.
    """
    clock = clock or FakeClock()
    files = files or FakeFiles(clock=clock)
    run = run or FakeRun()
    limit = Limit(clock, clock.monotonic() + deadline, canceled=canceled or threading.Event())
    host = Host(
        run=run,
        files=files,
        isolated=isolated or FakeIsolated(),
        units=Units(run),
        docker=docker or FakeDocker(),
        download=download or FakeDownload(files),
        get_json=get_json or FakeGetJson(),
        post_json=post_json or FakePostJson(),
        reach=reach or FakeReach(),
        limit=limit,
        redactor=redactor or Redactor(),
        rebound=lambda limit: replace(host, limit=limit),
        note=note,
        space=space,
    )
    return host
