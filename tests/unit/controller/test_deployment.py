"""A deployment file: every problem is reported with its path."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clawbot_agent.config.problems import ConfigError
from clawbot_controller.deployment.file import (
    CreatedNames,
    example_text,
    fill_in,
    load_deployment,
    parse_deployment,
    schema_text,
)
from tests.support.deployments import deployment, deployment_text

CREATED = CreatedNames(
    client_id="11111111-2222-3333-4444-555555555555",
    key_vault="a-vault",
    account="anaccount",
    share="memory",
    gateway_token="my-bot-gateway-token",  # noqa: S106 - a secret's name
    openclaw_config=None,
)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_deployment(text)
    return [str(problem) for problem in caught.value.problems]


def test_example_is_valid_and_has_every_key_of_azure() -> None:
    found = parse_deployment(example_text())
    assert set(yaml.safe_load(example_text())["azure"]) == set(type(found.target).model_fields)


def test_schema_accepts_example_and_refuses_unknown_keys() -> None:
    schema = json.loads(schema_text())
    document = yaml.safe_load(example_text())
    jsonschema.validate(document, schema)
    for section in ("bot", "azure"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, section: {**document[section], "x": 1}}, schema)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bot: {}\nazure:\n", "bot.name: is required"),
        ("bot: {}\nazure:\n", "azure.agent.sha256: is required"),
        ("bot: 3\n", "bot: must be a mapping of keys, not 3"),
        (deployment_text(region="East US"), "azure.region: must be a region's short name"),
        (deployment_text(size="B2s"), "azure.size: must be the full name of a size"),
        (deployment_text(zone=1), "azure.zone: unknown key"),
        (deployment_text(tags={"clawbot-x": "y"}), "azure.tags: names must be plain words"),
        (deployment_text(tags={"a": 3}), "azure.tags.a: must be text, not 3"),
        (deployment_text(share_gib=9), "azure.share_gib: must be at least 10"),
        (deployment_text(tier="light"), "azure.tier: light has too little RAM"),
        (
            deployment_text(bot={"state": {"backend": "local"}}),
            "bot.state.backend: must be image or share: local bot data is lost with the instance",
        ),
        (deployment_text(openclaw_config="/etc/x"), "azure.openclaw_config: must be a path"),
        (deployment_text(bot={"openclaw": {"versoin": "1"}}), "did you mean 'version'"),
        (deployment_text(bot={"azure": {"client_id": "x"}}), "bot.azure.client_id: is filled in"),
        (deployment_text(bot={"share": {"account": "x"}}), "bot.share.account: is filled in"),
        (deployment_text(bot={"secrets": {"source": "directory"}}), "bot.secrets.source: is"),
        (deployment_text(bot={"share": "x"}), "bot.share: must be a mapping"),
    ],
)
def test_invalid_deployment_is_refused(text: str, expected: str) -> None:
    found = problems(text)
    assert [line for line in found if expected in line] != [], found


def test_signed_url_is_refused_as_agent_source() -> None:
    agent = {"source": "https://a.example.org/x.tar?sig=secret", "sha256": "ab" * 32}
    assert any("azure.agent.source" in line for line in problems(deployment_text(agent=agent)))


def test_created_names_are_filled_into_agent_configuration() -> None:
    bot: dict[str, Any] = {
        "share": {"auth": "managed-identity"},
        "caddy": {"domain": "b.example.org"},
    }
    config = deployment(bot=bot).agent_config(CREATED)
    assert config.vault_url == "https://a-vault.vault.azure.net"
    share = config.share.azure_files
    assert share is not None
    assert (share.unc, share.auth) == (
        "//anaccount.file.core.windows.net/memory",
        "managed-identity",
    )
    assert config.secrets.gateway_token == "my-bot-gateway-token"  # noqa: S105 - a secret's name
    assert config.caddy.domain == "b.example.org"


def test_secret_name_chosen_by_operator_is_kept() -> None:
    bot = {"name": "my-bot", "secrets": {"gateway_token": "chosen"}}
    assert fill_in(bot, CREATED)["secrets"]["gateway_token"] == "chosen"  # noqa: S105 - a name


def test_fragment_is_loaded_relative_to_file(tmp_path: Path) -> None:
    (tmp_path / "fragment.json").write_text('{"a": 1}')
    file = tmp_path / "bot.yaml"
    file.write_text(deployment_text(openclaw_config="fragment.json"))
    assert load_deployment(file).fragment == '{"a": 1}'
    file.write_text(deployment_text(openclaw_config="other.json"))
    with pytest.raises(ConfigError, match=r"other\.json: cannot be read"):
        load_deployment(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON at line 1"),
        ('{"canary": 1,\n canary}', "is not JSON at line 2"),
        ('{"a": NaN, "canary": 1}', "is not JSON"),
        ('["canary"]', "holds a JSON list, not an object"),
        (
            json.dumps({"canary": "x" * 25_000}),
            "has 25014 bytes; a Key Vault secret holds at most 25000",
        ),
    ],
    ids=["empty", "not json", "nan", "list", "large"],
)
def test_invalid_fragment_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """Before the deployment, not later on the instance."""
    (tmp_path / "fragment.json").write_text(text)
    file = tmp_path / "bot.yaml"
    file.write_text(deployment_text(openclaw_config="fragment.json"))
    with pytest.raises(ConfigError) as caught:
        load_deployment(file)
    (found,) = map(str, caught.value.problems)
    assert found == f"azure.openclaw_config: fragment.json {problem}"


def test_fragment_is_not_in_repr(tmp_path: Path) -> None:
    (tmp_path / "fragment.json").write_text('{"key": "canary"}')
    file = tmp_path / "bot.yaml"
    file.write_text(deployment_text(openclaw_config="fragment.json"))
    assert "canary" not in repr(load_deployment(file))


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("team-token", True),
        ("my-bot-gateway-token", True),
        ("other-bot-gateway-token", False),
        ("Other-Bot-Openclaw-Config", False),
        ("my-bot-openclaw-config", False),
    ],
)
def test_secret_name_of_another_bot_is_refused(name: str, *, fits: bool) -> None:
    text = deployment_text(bot={"secrets": {"gateway_token": name}})
    if fits:
        assert parse_deployment(text).name == "my-bot"
        return
    with pytest.raises(ConfigError, match=r"bot\.secrets\.gateway_token: ") as caught:
        parse_deployment(text)
    assert "has the form of a name that the controller gives to secrets" in str(caught.value)
