"""The commands as the operator runs them: output, exit codes and errors."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError
from click.testing import CliRunner, Result

from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.cli import bots, deploy, main
from tests.bench.azure import SUBSCRIPTION_ID
from tests.contract.controller.conftest import FakeAzure
from tests.support.deployments import deployment_text


@dataclass(slots=True)
class Desk:
    """An operator's computer.

    Attributes:
        cloud: Azure for the commands.
    """

    folder: Path
    azure: FakeAzure
    cloud: Cloud

    def file(self, name: str = "my-bot", **more: Any) -> str:  # noqa: ANN401 - as deployment_text()
        """Write a deployment file and return its path."""
        path = self.folder / f"{name}.yaml"
        path.write_text(deployment_text(name, subscription=SUBSCRIPTION_ID, **more))
        return str(path)

    def run(self, *argv: str, typed: str | None = None) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, argv, input=typed)


@pytest.fixture
def desk(azure: FakeAzure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With the fake Azure's credentials."""
    found = Desk(tmp_path, azure, azure.cloud)
    monkeypatch.setattr(bots, "azure", lambda: found.cloud)
    return found


def test_plan_shows_resources_and_cost(desk: Desk) -> None:
    done = desk.run("plan", desk.file())
    assert (done.exit_code, done.stderr) == (0, "")
    for what in (
        "+ virtual network 10.0.0.0/16 (clawbot-vnet)",
        "+ network security group: TCP 80 and 443 in, nothing else",
        "+ scale set (uniform) with one Standard_B2als_v2, Ubuntu 24.04 (my-bot)",
        "14 to create",
        " a month (",
    ):
        assert what in done.stdout
    assert desk.azure.writes() == []


def test_plan_exit_code_is_3_only_when_up_would_change_something(desk: Desk) -> None:
    file = desk.file()
    assert desk.run("plan", "--exit-code", file).exit_code == 3
    assert desk.run("up", file).exit_code == 0
    done = desk.run("plan", "--exit-code", "--json", file)
    assert done.exit_code == 0
    found = json.loads(done.stdout)["my-bot"]
    assert found["changes"] is False
    assert 25 < found["monthly_dollars"] < 45


def test_life_of_a_bot_from_up_to_destroy(desk: Desk) -> None:
    file = desk.file()
    done = desk.run("up", file)
    assert done.stdout == "my-bot: up: 13 created, 1 changed, 0 unchanged\n"
    assert "my-bot: create virtual network 10.0.0.0/16" in done.stderr
    assert desk.run("up", file).stdout == "my-bot: up: 0 created, 0 changed, 14 unchanged\n"
    assert "my-bot: instance 0: running, healthy" in desk.run("status", file).stdout
    assert desk.run("endpoint", file).stdout.startswith("my-bot: http://")
    assert "ttyS0" in desk.run("logs", "--console", file).stdout
    assert desk.run("stop", file).exit_code == 0
    assert desk.run("status", file).exit_code == 1
    assert desk.run("start", file).exit_code == 0
    assert desk.run("reimage", file).exit_code == 0
    assert desk.run("render", file).stdout.startswith("#cloud-config\n")
    assert desk.run("destroy", file).stdout == "my-bot: destroyed; bot data and secrets kept\n"
    assert desk.azure.arm.resources() != []
    done = desk.run("destroy", "--delete-data", "--confirm", "my-bot", file)
    assert (done.exit_code, desk.azure.arm.resources()) == (0, [])


@pytest.mark.parametrize("typed", ["", "other\n", "my\n"])
def test_bot_data_is_deleted_only_when_name_is_typed(desk: Desk, typed: str) -> None:
    file = desk.file()
    desk.run("up", file)
    before = desk.azure.arm.resources()
    done = desk.run("destroy", "--delete-data", file, typed=typed)
    assert done.exit_code == 1
    assert "DESTROY_NOT_CONFIRMED" in done.stderr
    assert desk.azure.arm.resources() == before
    assert desk.run("destroy", "--delete-data", file, typed="my-bot\n").exit_code == 0
    assert desk.azure.arm.resources() == []


def test_interrupt_at_second_name_deletes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal, after the first bot's name was typed."""
    files = desk.file("a-bot"), desk.file("b-bot")
    desk.run("up", *files)
    before = desk.azure.arm.resources()
    answers = iter(["a-bot"])

    def prompt(_text: str, **_more: object) -> str:
        for answer in answers:
            return answer
        raise click.Abort

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(deploy, "_at_a_terminal", lambda: True)
    assert desk.run("destroy", "--delete-data", *files).exit_code == 1
    assert desk.azure.arm.resources() == before


def test_destroy_reports_that_nothing_was_found(desk: Desk) -> None:
    """The file has the wrong group, so the bot is still billed."""
    desk.run("up", desk.file())
    elsewhere = desk.file(resource_group="elsewhere")
    for more in ((), ("--delete-data", "--confirm", "my-bot")):
        done = desk.run("destroy", *more, elsewhere)
        assert done.exit_code == 0
        assert done.stdout == "my-bot: not in the resource group elsewhere\n"
        assert "bot data" not in done.stderr


def test_failure_of_one_bot_does_not_stop_others(desk: Desk) -> None:
    files = (desk.file("good-bot"), desk.file("bad-bot", size="Standard_None_v9"))
    done = desk.run("up", *files)
    assert done.exit_code == 1
    assert "bad-bot: AZURE_SIZE_NOT_OFFERED" in done.stderr
    assert done.stdout == "good-bot: up: 13 created, 1 changed, 0 unchanged\n"


def test_invalid_file_is_reported_by_path_before_any_request(desk: Desk) -> None:
    files = (desk.file("good-bot"), desk.file("bad-bot", tier="huge"))
    done = desk.run("up", *files)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{files[1]}: azure.tier: must be" in done.stderr
    assert desk.azure.arm.requests == []
    twice = desk.run("up", files[0], files[0])
    assert (twice.exit_code, twice.stderr) == (2, "bot.name: good-bot is used by two bots\n")


def test_group_has_one_region_and_its_case_is_ignored(desk: Desk) -> None:
    one = desk.file("one-bot", resource_group="Bots")
    other = desk.file("other-bot", resource_group="bots", region="westeurope")
    done = desk.run("up", one, other)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "azure.region: the bots of the resource group bots share a network, "
        "but use eastus, westeurope; choose a group for each region\n"
    )
    assert desk.azure.arm.requests == []
    other = desk.file("other-bot", resource_group="bots")
    assert desk.run("up", one, other).exit_code == 0
    assert desk.run("plan", "--exit-code", one, other).exit_code == 0


class NoCredential:
    """The credential of a computer without a login."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - azure-core's protocol
        """Raise: there is no token."""
        message = f"nothing\n\tfor {scopes}"
        raise CredentialUnavailableError(message)


@pytest.mark.parametrize("verb", ["plan", "up", "status", "stop", "destroy"])
def test_missing_credentials_are_reported(desk: Desk, verb: str) -> None:
    desk.cloud = replace(desk.cloud, credential=NoCredential())
    done = desk.run(verb, desk.file())
    assert done.exit_code == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("my-bot: AZURE_NO_CREDENTIALS: ")
    assert second.startswith("my-bot: next: run 'az login'")
    assert desk.azure.arm.resources() == []


@pytest.mark.parametrize(
    "denied", ["*", "*/write", "Microsoft.Authorization/*/Write", "microsoft.compute/*/write"]
)
def test_missing_rights_are_reported_before_any_write(desk: Desk, denied: str) -> None:
    desk.azure.arm.knobs.change({"denied": [denied]})
    done = desk.run("up", desk.file())
    assert done.exit_code == 1
    found = [line for line in done.stderr.splitlines() if "AZURE_FORBIDDEN" in line]
    assert len(found) == 1
    assert desk.azure.arm.resources() == []


@pytest.mark.parametrize("verb", ["plan", "up"])
def test_size_not_offered_in_region_is_reported(desk: Desk, verb: str) -> None:
    done = desk.run(verb, desk.file(region="newzealandnorth"))
    assert done.exit_code == 1
    first = done.stderr.splitlines()[0]
    assert "AZURE_SIZE_NOT_OFFERED: Standard_B2als_v2 in newzealandnorth: not offered" in first
    assert "available: Standard_" in first
    assert desk.azure.arm.resources() == []


def test_unknown_subscription_is_reported(desk: Desk) -> None:
    path = desk.folder / "bot.yaml"
    path.write_text(deployment_text())
    done = desk.run("up", str(path))
    assert "AZURE_SUBSCRIPTION_UNKNOWN" in done.stderr


def test_arm64_size_is_refused(desk: Desk) -> None:
    done = desk.run("plan", desk.file(size="Standard_B2pls_v2"))
    assert "the VM image is x64" in done.stderr
