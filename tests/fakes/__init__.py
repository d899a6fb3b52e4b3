"""A machine made of dictionaries: each port of `Host` as a fake, and `fake_host` to join them."""

from tests.fakes.clock import FakeClock
from tests.fakes.config import a_config
from tests.fakes.docker import FakeDocker
from tests.fakes.files import FakeFiles
from tests.fakes.host import fake_host
from tests.fakes.isolated import FakeIsolated
from tests.fakes.net import FakeDownload, FakeGetJson, FakePostJson, FakeReach
from tests.fakes.run import Call, FakeRun

__all__ = [
    "Call",
    "FakeClock",
    "FakeDocker",
    "FakeDownload",
    "FakeFiles",
    "FakeGetJson",
    "FakeIsolated",
    "FakePostJson",
    "FakeReach",
    "FakeRun",
    "a_config",
    "fake_host",
]
