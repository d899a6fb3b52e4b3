"""No secret is in a body that Azure Resource Manager gets, nor in what the controller says."""

from dataclasses import replace

from azure.keyvault.secrets import SecretClient

from clawbot_controller.operations.steps import Step
from tests.contract.controller.conftest import Ground, changes

CANARY = "canary-9f86d081884c7d659a2feaa0c55ad015"


def test_values_are_in_the_vault_and_nowhere_else(ground: Ground) -> None:
    site = ground.site(openclaw_config="fragment.json")
    site = replace(site, deployment=replace(site.deployment, fragment=f"{{key: '{CANARY}'}}"))
    steps = ground.up(site)
    ground.plan(site)
    values = ground.arm.secrets(site.shared.vault)
    assert values["my-bot-openclaw-config"] == f"{{key: '{CANARY}'}}"
    token = values["my-bot-gateway-token"]
    # 256 bits in base64
    assert len(token) >= 43
    for secret in (token, CANARY):
        assert not [one.path for one in ground.arm.requests if secret.encode() in one.body]
        assert not [one.path for one in ground.arm.requests if secret in one.path + one.query]
        assert secret not in "\n".join((*ground.told, *map(str, steps), repr(site)))


def test_a_token_is_made_once_and_a_fragment_follows_the_file(ground: Ground) -> None:
    site = ground.site(openclaw_config="fragment.json")

    def with_fragment(text: str) -> tuple[Step, ...]:
        return ground.up(replace(site, deployment=replace(site.deployment, fragment=text)))

    with_fragment("{a: 1}")
    before = ground.arm.secrets(site.shared.vault)
    with_fragment("{a: 2}")
    after = ground.arm.secrets(site.shared.vault)
    assert after["my-bot-gateway-token"] == before["my-bot-gateway-token"]
    assert after["my-bot-openclaw-config"] == "{a: 2}"


def test_a_vault_that_is_unwell_costs_no_token(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    before = ground.arm.secrets(site.shared.vault)
    ground.arm.vaults.knobs.change({"script": [429, 500, 503, 403], "retry_after": 0})
    ground.up(site)
    assert ground.arm.secrets(site.shared.vault) == before


def test_a_secret_that_was_deleted_yesterday_gets_its_name_back(ground: Ground) -> None:
    """For some days a deleted secret keeps its name."""
    site = ground.site()
    ground.up(site)
    before = ground.arm.secrets(site.shared.vault)["my-bot-gateway-token"]
    url = f"https://{site.shared.vault}.vault.azure.net"
    with SecretClient(url, site.cloud.credential, **site.cloud.options()) as client:
        client.begin_delete_secret("my-bot-gateway-token").wait()
    assert ground.arm.secrets(site.shared.vault) == {}
    assert changes(ground.up(site)) == ["create my-bot-gateway-token"]
    assert ground.arm.secrets(site.shared.vault)["my-bot-gateway-token"] != before
    ground.destroy_all(site)
    assert ground.arm.resources() == []
