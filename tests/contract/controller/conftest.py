"""The controller with a fake Azure that checks every body against Microsoft's schemas."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.deployment.file import Deployment
from clawbot_controller.operations.context import BotContext, context_of
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.parallel import OncePerKey
from clawbot_controller.operations.reconcile import Action, Step
from clawbot_controller.operations.up import Plan, make_plan, up
from tests.bench.arm.fake import FakeArm
from tests.bench.arm.machines import InMemoryMachines
from tests.bench.azure import SUBSCRIPTION_ID
from tests.support.deployments import deployment

KEY: Final = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC test"
# seconds; tests of waits set another value
LONGEST_SLEEP = 0.003


@dataclass(slots=True)
class FakeAzure:
    """The fake Azure, and the controller's access to it.

    Attributes:
        lines: reported to the operator.
    """

    arm: FakeArm
    lines: list[str] = field(default_factory=list)

    @property
    def machines(self) -> InMemoryMachines:
        """The machines behind the instances."""
        found = self.arm.machines
        assert isinstance(found, InMemoryMachines)
        return found

    @property
    def cloud(self) -> Cloud:
        """Azure for the controller, with short waits."""
        return Cloud(
            credential=self.arm.credential(),
            arm_url=self.arm.url,
            verify=self.arm.ca_file,
            poll_seconds=LONGEST_SLEEP,
            sleep=lambda seconds: time.sleep(min(seconds, LONGEST_SLEEP)),
        )

    def bot(self, name: str = "my-bot", **more: Any) -> BotContext:  # noqa: ANN401 - as deployment()
        """Return a bot's context, with a fixed key that takes no time."""
        return self.context_for(deployment(name, subscription=SUBSCRIPTION_ID, **more))

    def context_for(self, wanted: Deployment) -> BotContext:
        """Return the context of a deployment."""
        return replace(context_of(wanted, self.cloud, self.lines.append), make_key=lambda: KEY)

    def up(self, bot: BotContext) -> tuple[Step, ...]:
        """Run `up` for one bot."""
        return up(bot, OncePerKey())

    def plan(self, bot: BotContext) -> Plan:
        """Return the plan of one bot."""
        return make_plan(bot)

    def destroy_all(self, bot: BotContext) -> None:
        """Run `destroy --delete-data` for the only bot."""
        destroy(bot, delete_data=True)
        destroy_shared([bot])

    def writes(self, since: int = 0) -> list[str]:
        """Return method and end of path of every request but GET, from the nth on."""
        return [
            f"{one.method} {'/'.join(one.path.split('/')[-2:])}"
            for one in self.arm.requests[since:]
            if one.method != "GET"
        ]


def changes(steps: tuple[Step, ...]) -> list[str]:
    """Return the steps that changed something: "change clawbot-nsg"."""
    return [f"{one.action} {one.name}" for one in steps if one.action is not Action.KEEP]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzure]:
    """An empty subscription."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeArm() as arm:
        monkeypatch.setattr(socket, "getaddrinfo", arm.resolver())
        yield FakeAzure(arm)
