"""Secrets are sent to the vault only: not to Azure Resource Manager, and not to the output."""

from dataclasses import replace

from azure.keyvault.secrets import SecretClient

from clawbot_controller.operations.reconcile import Step
from tests.contract.controller.conftest import FakeAzure, changes

CANARY = "canary-9f86d081884c7d659a2feaa0c55ad015"


def test_secret_values_are_in_the_vault_only(azure: FakeAzure) -> None:
    bot = azure.bot(openclaw_config="fragment.json")
    bot = replace(bot, deployment=replace(bot.deployment, fragment=f"{{key: '{CANARY}'}}"))
    steps = azure.up(bot)
    azure.plan(bot)
    values = azure.arm.secrets(bot.shared.vault)
    assert values["my-bot-openclaw-config"] == f"{{key: '{CANARY}'}}"
    token = values["my-bot-gateway-token"]
    # 256 bits in base64
    assert len(token) >= 43
    for secret in (token, CANARY):
        assert not [one.path for one in azure.arm.requests if secret.encode() in one.body]
        assert not [one.path for one in azure.arm.requests if secret in one.path + one.query]
        assert secret not in "\n".join((*azure.lines, *map(str, steps), repr(bot)))


def test_token_is_created_once_and_fragment_follows_file(azure: FakeAzure) -> None:
    bot = azure.bot(openclaw_config="fragment.json")

    def with_fragment(text: str) -> tuple[Step, ...]:
        return azure.up(replace(bot, deployment=replace(bot.deployment, fragment=text)))

    with_fragment("{a: 1}")
    before = azure.arm.secrets(bot.shared.vault)
    with_fragment("{a: 2}")
    after = azure.arm.secrets(bot.shared.vault)
    assert after["my-bot-gateway-token"] == before["my-bot-gateway-token"]
    assert after["my-bot-openclaw-config"] == "{a: 2}"


def test_token_is_kept_when_vault_fails(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    before = azure.arm.secrets(bot.shared.vault)
    azure.arm.vaults.knobs.change({"script": [429, 500, 503, 403], "retry_after": 0})
    azure.up(bot)
    assert azure.arm.secrets(bot.shared.vault) == before


def test_deleted_secret_is_created_again_under_its_name(azure: FakeAzure) -> None:
    """A deleted secret keeps its name for some days."""
    bot = azure.bot()
    azure.up(bot)
    before = azure.arm.secrets(bot.shared.vault)["my-bot-gateway-token"]
    url = f"https://{bot.shared.vault}.vault.azure.net"
    with SecretClient(url, bot.cloud.credential, **bot.cloud.options()) as client:
        client.begin_delete_secret("my-bot-gateway-token").wait()
    assert azure.arm.secrets(bot.shared.vault) == {}
    assert changes(azure.up(bot)) == ["create my-bot-gateway-token"]
    assert azure.arm.secrets(bot.shared.vault)["my-bot-gateway-token"] != before
    azure.destroy_all(bot)
    assert azure.arm.resources() == []
