"""The smallest configuration of a bot."""

from typing import Any

from clawbot_agent.config.model import BotConfig

__all__ = ["a_config"]


def a_config(**sections: Any) -> BotConfig:  # noqa: ANN401 - as in the YAML file
    """A valid configuration; `sections` (such as `docker={"bip": …}`) replace its defaults."""
    azure = {"client_id": "11111111-2222-3333-4444-555555555555", "key_vault": "my-vault"}
    return BotConfig.model_validate({"name": "my-bot", "azure": azure, **sections})
