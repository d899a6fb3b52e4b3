"""The controller against a stand-in for Azure that checks every body by Microsoft's schemas."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.deployment.load import Deployment
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.fleet import OncePerKey
from clawbot_controller.operations.plan import Plan, make_plan
from clawbot_controller.operations.site import Site, site_of
from clawbot_controller.operations.steps import Action, Step
from clawbot_controller.operations.up import up
from tests.bench.arm.fake import FakeArm
from tests.bench.arm.machines import InMemoryMachines
from tests.bench.azure import SUBSCRIPTION_ID
from tests.support.deployments import deployment

KEY: Final = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC nobody"
# seconds; a test whose subject is the waiting sets another
LONGEST_SLEEP = 0.003


@dataclass(slots=True)
class Ground:
    """Azure's stand-in, and the controller's doors to it."""

    arm: FakeArm
    told: list[str] = field(default_factory=list)

    @property
    def machines(self) -> InMemoryMachines:
        """What instances are made of."""
        found = self.arm.machines
        assert isinstance(found, InMemoryMachines)
        return found

    @property
    def cloud(self) -> Cloud:
        """As the operator's machine sees it; waits are short."""
        return Cloud(
            credential=self.arm.credential(),
            arm_url=self.arm.url,
            verify=self.arm.ca_file,
            poll_seconds=LONGEST_SLEEP,
            sleep=lambda seconds: time.sleep(min(seconds, LONGEST_SLEEP)),
        )

    def site(self, name: str = "my-bot", **more: Any) -> Site:  # noqa: ANN401 - as deployment()
        """A bot's site, with a key that takes no time to make."""
        return self.site_for(deployment(name, subscription=SUBSCRIPTION_ID, **more))

    def site_for(self, wanted: Deployment) -> Site:
        """The site of a deployment."""
        return replace(site_of(wanted, self.cloud, self.told.append), make_key=lambda: KEY)

    def up(self, site: Site) -> tuple[Step, ...]:
        """`up` of one bot."""
        return up(site, OncePerKey())

    def plan(self, site: Site) -> Plan:
        """`plan` of one bot."""
        return make_plan(site)

    def destroy_all(self, site: Site) -> None:
        """`destroy --delete-data` of the only bot."""
        destroy(site, delete_data=True)
        destroy_shared([site])

    def writes(self, since: int = 0) -> list[str]:
        """Method and end of the path of every request that is no look, since the nth."""
        return [
            f"{one.method} {'/'.join(one.path.split('/')[-2:])}"
            for one in self.arm.requests[since:]
            if one.method != "GET"
        ]


def changes(steps: tuple[Step, ...]) -> list[str]:
    """What was done, but for what was kept: "change clawbot-nsg"."""
    return [f"{one.action} {one.name}" for one in steps if one.action is not Action.KEEP]


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """An empty subscription."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeArm() as arm:
        monkeypatch.setattr(socket, "getaddrinfo", arm.resolver())
        yield Ground(arm)
