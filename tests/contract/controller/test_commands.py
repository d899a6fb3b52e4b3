"""The verbs as an operator types them: output, exit codes, and one clear line when it cannot be."""

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
from clawbot_controller.cli import bots, main
from clawbot_controller.cli import destroy as destroy_verb
from tests.bench.azure import SUBSCRIPTION_ID
from tests.contract.controller.conftest import Ground
from tests.support.deployments import deployment_text


@dataclass(slots=True)
class Desk:
    """An operator's machine.

    Attributes:
        cloud: what the commands get.
    """

    folder: Path
    ground: Ground
    cloud: Cloud

    def file(self, name: str = "my-bot", **more: Any) -> str:  # noqa: ANN401 - as deployment_text()
        """A deployment file."""
        path = self.folder / f"{name}.yaml"
        path.write_text(deployment_text(name, subscription=SUBSCRIPTION_ID, **more))
        return str(path)

    def run(self, *argv: str, typed: str | None = None) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, argv, input=typed)


@pytest.fixture
def desk(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """With credentials and price list of the stand-in."""
    found = Desk(tmp_path, ground, ground.cloud)
    monkeypatch.setattr(bots, "azure", lambda: found.cloud)
    return found


def test_plan_shows_resources_and_the_bill_beside_the_requests(desk: Desk) -> None:
    done = desk.run("plan", desk.file())
    assert (done.exit_code, done.stderr) == (0, "")
    for what in (
        "+ virtual network 10.0.0.0/16 (clawbot-vnet)",
        "+ network security group: TCP 80 and 443 in, nothing else",
        "+ scale set (uniform) with one Standard_B2als_v2, Ubuntu 24.04 (my-bot)",
        "14 to create",
        "a month; the request counted $36.50",
    ):
        assert what in done.stdout
    assert desk.ground.writes() == []


def test_plan_tells_by_its_exit_code(desk: Desk) -> None:
    file = desk.file()
    assert desk.run("plan", "--exit-code", file).exit_code == 3
    assert desk.run("up", file).exit_code == 0
    done = desk.run("plan", "--exit-code", "--json", file)
    assert done.exit_code == 0
    found = json.loads(done.stdout)["my-bot"]
    assert found["changes"] is False
    assert 25 < found["monthly_dollars"] < 45


def test_from_up_to_destroy(desk: Desk) -> None:
    file = desk.file()
    done = desk.run("up", file)
    assert done.stdout == "my-bot: up: 13 created, 1 changed, 0 kept\n"
    assert "my-bot: create virtual network 10.0.0.0/16" in done.stderr
    assert desk.run("up", file).stdout == "my-bot: up: 0 created, 0 changed, 14 kept\n"
    assert "my-bot: instance 0: running, healthy" in desk.run("status", file).stdout
    assert desk.run("endpoint", file).stdout.startswith("my-bot: http://")
    assert "ttyS0" in desk.run("logs", "--console", file).stdout
    assert desk.run("stop", file).exit_code == 0
    assert desk.run("status", file).exit_code == 1
    assert desk.run("start", file).exit_code == 0
    assert desk.run("reimage", file).exit_code == 0
    assert desk.run("render", file).stdout.startswith("#cloud-config\n")
    assert desk.run("destroy", file).stdout == "my-bot: destroyed, but for its data\n"
    assert desk.ground.arm.resources() != []
    done = desk.run("destroy", "--delete-data", "--confirm", "my-bot", file)
    assert (done.exit_code, desk.ground.arm.resources()) == (0, [])


@pytest.mark.parametrize("typed", ["", "other\n", "my\n"])
def test_data_goes_only_with_the_name(desk: Desk, typed: str) -> None:
    file = desk.file()
    desk.run("up", file)
    before = desk.ground.arm.resources()
    done = desk.run("destroy", "--delete-data", file, typed=typed)
    assert done.exit_code == 1
    assert "DESTROY_NOT_CONFIRMED" in done.stderr
    assert desk.ground.arm.resources() == before
    assert desk.run("destroy", "--delete-data", file, typed="my-bot\n").exit_code == 0
    assert desk.ground.arm.resources() == []


def test_who_interrupts_at_the_second_name_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal; the first bot's name was typed already."""
    files = desk.file("a-bot"), desk.file("b-bot")
    desk.run("up", *files)
    before = desk.ground.arm.resources()
    answers = iter(["a-bot"])

    def prompt(_text: str, **_more: object) -> str:
        for answer in answers:
            return answer
        raise click.Abort

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(destroy_verb, "_at_a_terminal", lambda: True)
    assert desk.run("destroy", "--delete-data", *files).exit_code == 1
    assert desk.ground.arm.resources() == before


def test_destroy_tells_when_it_found_nothing(desk: Desk) -> None:
    """The wrong group in the file: the bot goes on being billed."""
    desk.run("up", desk.file())
    elsewhere = desk.file(resource_group="elsewhere")
    for more in ((), ("--delete-data", "--confirm", "my-bot")):
        done = desk.run("destroy", *more, elsewhere)
        assert done.exit_code == 0
        assert done.stdout == "my-bot: nothing of it is in the resource group elsewhere\n"
        assert "memory" not in done.stderr


def test_one_bad_bot_stops_no_other(desk: Desk) -> None:
    files = (desk.file("good-bot"), desk.file("bad-bot", size="Standard_None_v9"))
    done = desk.run("up", *files)
    assert done.exit_code == 1
    assert "bad-bot: AZURE_SIZE_NOT_OFFERED" in done.stderr
    assert done.stdout == "good-bot: up: 13 created, 1 changed, 0 kept\n"


def test_a_bad_file_is_told_by_path_and_nothing_is_touched(desk: Desk) -> None:
    files = (desk.file("good-bot"), desk.file("bad-bot", tier="huge"))
    done = desk.run("up", *files)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{files[1]}: azure.tier: must be" in done.stderr
    assert desk.ground.arm.requests == []
    twice = desk.run("up", files[0], files[0])
    assert (twice.exit_code, twice.stderr) == (2, "bot.name: good-bot is the name of two bots\n")


def test_a_group_has_one_region_and_one_spelling(desk: Desk) -> None:
    one = desk.file("one-bot", resource_group="Bots")
    other = desk.file("other-bot", resource_group="bots", region="westeurope")
    done = desk.run("up", one, other)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "azure.region: eastus, westeurope are regions of bots in the resource group bots, "
        "which share a network: give them groups of their own\n"
    )
    assert desk.ground.arm.requests == []
    other = desk.file("other-bot", resource_group="bots")
    assert desk.run("up", one, other).exit_code == 0
    assert desk.run("plan", "--exit-code", one, other).exit_code == 0


class Nobody:
    """A credential of a machine that has none."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - azure-core's protocol
        """There is none."""
        message = f"nothing\n\tfor {scopes}"
        raise CredentialUnavailableError(message)


@pytest.mark.parametrize("verb", ["plan", "up", "status", "stop", "destroy"])
def test_without_credentials(desk: Desk, verb: str) -> None:
    desk.cloud = replace(desk.cloud, credential=Nobody())
    done = desk.run(verb, desk.file())
    assert done.exit_code == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("my-bot: AZURE_NO_CREDENTIALS: ")
    assert second.startswith("my-bot: next: run 'az login'")
    assert desk.ground.arm.resources() == []


@pytest.mark.parametrize(
    "denied", ["*", "*/write", "Microsoft.Authorization/*/Write", "microsoft.compute/*/write"]
)
def test_without_rights(desk: Desk, denied: str) -> None:
    desk.ground.arm.knobs.change({"denied": [denied]})
    done = desk.run("up", desk.file())
    assert done.exit_code == 1
    told = [line for line in done.stderr.splitlines() if "AZURE_FORBIDDEN" in line]
    assert len(told) == 1
    assert desk.ground.arm.resources() == []


@pytest.mark.parametrize("verb", ["plan", "up"])
def test_in_a_region_without_the_size(desk: Desk, verb: str) -> None:
    done = desk.run(verb, desk.file(region="newzealandnorth"))
    assert done.exit_code == 1
    first = done.stderr.splitlines()[0]
    assert "AZURE_SIZE_NOT_OFFERED: Standard_B2als_v2 is not offered in newzealandnorth" in first
    assert "there are Standard_" in first
    assert desk.ground.arm.resources() == []


def test_in_a_subscription_that_is_not_there(desk: Desk) -> None:
    path = desk.folder / "bot.yaml"
    path.write_text(deployment_text())
    done = desk.run("up", str(path))
    assert "AZURE_SUBSCRIPTION_UNKNOWN" in done.stderr


def test_an_arm64_size_has_no_image(desk: Desk) -> None:
    done = desk.run("plan", desk.file(size="Standard_B2pls_v2"))
    assert "the image is for x64" in done.stderr
