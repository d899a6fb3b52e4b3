"""Fixtures for checks of one converged machine: a bench, a VM over SSH, Vagrant or Multipass.

    pytest tests/machine/finished --hosts=ssh://vagrant@bot --ssh-config=FILE --sudo

Without --hosts it is the session's own bench. The machine's own configuration says what to expect.
The tests install and change nothing on it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from testinfra.host import Host

from clawbot_agent.config.load import parse_config
from clawbot_agent.config.model import BotConfig
from tests.support import testinfra_hosts

if TYPE_CHECKING:
    from tests.support.bot import Bot

_OWN_BENCH: Final = pytest.StashKey[bool]()
_FIRST_UNITS: Final = "clawbot-events.service clawbot-reconcile.timer clawbot-sidecar.service"


def pytest_configure(config: pytest.Config) -> None:
    testinfra_hosts.register()
    config.stash[_OWN_BENCH] = config.option.hosts is None
    if config.option.hosts is None:
        # not the bench's name: xdist needs the same test ids in all workers
        config.option.hosts = f"bench://{testinfra_hosts.OWN}"


@pytest.fixture(scope="package")
def own_bench(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the units that bootstrap.sh starts; other tests on this bench start runs themselves."""
    bot: Bot = request.getfixturevalue("converged")
    bot.sh(f"systemctl start {_FIRST_UNITS}")
    yield
    bot.sh(f"systemctl stop {_FIRST_UNITS}")
    # also waits for a run that the timer started, which would hold the lock
    bot.sh("systemctl start clawbot-reconcile.service", timeout=900)


@pytest.fixture(scope="module")
def host(_testinfra_host: Host, request: pytest.FixtureRequest) -> Host:
    """Return the machine; commands run as root."""
    if request.config.stash[_OWN_BENCH]:
        request.getfixturevalue("own_bench")
    return _testinfra_host


@pytest.fixture(scope="module")
def config(host: Host) -> BotConfig:
    """Return the machine's own configuration."""
    return parse_config(host.check_output("cat /etc/clawbot/config.yaml"))


@pytest.fixture(scope="module")
def container(host: Host) -> dict[str, Any]:
    """Return the output of `docker inspect` for the gateway's container."""
    found: list[dict[str, Any]] = json.loads(host.check_output("docker inspect openclaw-gateway"))
    return found[0]


@dataclass(frozen=True, slots=True)
class Web:
    """The machine's web server, requested from the machine itself.

    Attributes:
        host: the machine.
        address: of the machine, not 127.0.0.1: OpenClaw refuses a client that claims to be local.
        domain: of the certificate; None with plain HTTP.
    """

    host: Host
    address: str
    domain: str | None

    def curl(self, path: str, options: str = "") -> str:
        """Return a command that prints head and body of the answer; `options` are for curl."""
        common = f"curl --silent --show-error --include --http1.1 --max-time 30 {options}"
        if self.domain is None:
            return f"{common} http://{self.address}{path}"
        # on the machine, DNS may give another address, and the certificate may be one for tests
        where = f"--insecure --resolve {self.domain}:443:{self.address}"
        return f"{common} {where} https://{self.domain}{path}"

    def get(self, path: str) -> tuple[str, str]:
        """Return head and body of the answer."""
        answer = self.host.check_output(self.curl(path)).replace("\r\n", "\n")
        head, _, body = answer.partition("\n\n")
        return head, body


@pytest.fixture(scope="module")
def web(host: Host, config: BotConfig) -> Web:
    """Return the machine's Caddy."""
    address = host.check_output("hostname --all-ip-addresses").split()[0]
    return Web(host, address, config.caddy.domain)


@pytest.fixture(scope="module")
def azure_files(config: BotConfig) -> None:
    """Skip the test on a machine without an Azure Files share."""
    if config.share.azure_files is None:
        pytest.skip("the share is a directory")
