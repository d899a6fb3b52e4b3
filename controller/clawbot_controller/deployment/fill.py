"""What the controller itself creates, written into the bot's configuration: the one transform.

The operator's `bot` section is the agent's configuration without the names of things that do not
exist yet. OpenClaw's own configuration is the agent's business, and is transformed there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.config.problems import ConfigError, Problem, path_of

__all__ = ["PENDING", "Created", "filled"]

# section → keys that are the controller's to know
_FILLED: Final[Mapping[str, tuple[str, ...]]] = {
    "azure": ("client_id", "key_vault", "key_vault_suffix"),
    "share": ("kind", "account", "name", "suffix", "resource_group", "key_secret"),
    "secrets": ("source", "path", "openclaw_config"),
}
_WHY: Final = "is filled in by the controller; leave it out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """Names in Azure that only the controller knows.

    Attributes:
        client_id: of the bot's managed identity.
        gateway_token: name of the secret, unless the operator chose one.
        openclaw_config: name of the secret; None without a fragment.
    """

    client_id: str
    key_vault: str
    account: str
    share: str
    gateway_token: str
    openclaw_config: str | None


# stands for what does not exist yet, while a file is only checked
PENDING: Final = Created(
    client_id="00000000-0000-0000-0000-000000000000",
    key_vault="pending",
    account="pending",
    share="pending",
    gateway_token="pending-token",  # noqa: S106 - a secret's name
    openclaw_config=None,
)


def filled(bot: Mapping[str, Any], created: Created) -> dict[str, Any]:
    """The agent's configuration, as plain data, from the operator's `bot` section.

    Raises:
        ConfigError: the section sets what is the controller's to set.
    """
    taken = [
        Problem(path_of(("bot", section, key)), _WHY)
        for section, keys in _FILLED.items()
        for key in keys
        if isinstance(bot.get(section), Mapping) and key in bot[section]
    ]
    if taken:
        raise ConfigError(taken)
    azure = {"client_id": created.client_id, "key_vault": created.key_vault}
    share = {"kind": "azure-files", "account": created.account, "name": created.share}
    secrets: dict[str, Any] = {"gateway_token": created.gateway_token}
    if created.openclaw_config is not None:
        secrets["openclaw_config"] = created.openclaw_config
    return {
        **bot,
        "azure": _over(azure, bot.get("azure")),
        "share": _over(share, bot.get("share")),
        "secrets": _over(secrets, bot.get("secrets")),
    }


def _over(base: dict[str, Any], own: object) -> object:
    # what is no mapping is left for the model to refuse in its own words
    if own is not None and not isinstance(own, Mapping):
        return own
    return {**base, **(own or {})}
