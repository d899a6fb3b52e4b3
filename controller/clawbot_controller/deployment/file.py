"""A deployment file: loading and checking, the example, and the JSON Schema.

The `bot` section is the agent's configuration without the names of resources that the controller
creates; `fill_in` adds them. OpenClaw's own configuration is transformed by the agent only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError, model_validator

from clawbot_agent.config.documents import config_schema, section_lines
from clawbot_agent.config.load import problems_of, read_text, read_yaml
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.problems import ConfigError, Problem, path_of, shown
from clawbot_agent.config.rules import Section, json_object_problem, refuse
from clawbot_controller.deployment.names import GATEWAY_TOKEN, OPENCLAW_CONFIG
from clawbot_controller.deployment.target import TIERS, Target

SCHEMA_ID: Final = "urn:clawbot-agent:schema:deployment:1"
# RAM that a build of the container image needs
_BUILD_GIB: Final = 4
# archives of the built container image, beside the bot data
_ARCHIVES_GIB: Final = 2
_GIB: Final = 1024**3
# https://learn.microsoft.com/azure/key-vault/secrets/about-secrets: "25k bytes"
_SECRET_BYTES: Final = 25_000
# section → keys that the controller sets
_FILLED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "azure": ("client_id", "key_vault", "key_vault_suffix"),
    "share": ("kind", "account", "name", "suffix", "resource_group", "key_secret"),
    "secrets": ("source", "path", "openclaw_config"),
}
_EXAMPLE_HEAD: Final = """\
# One bot in Azure. Run `clawbot-controller plan FILE` to see which resources it needs.
# This file contains names of secrets, never secrets.

# The bot: the agent's configuration. `clawbot-agent config example` shows every key. The
# controller fills in the identity, the vault, the share and the names of secrets.
bot:
  # required: name of the bot: 3 to 32 lower-case letters, digits and single dashes
  name: my-bot
  caddy:
    # DNS name to serve with automatic HTTPS; null = plain HTTP on port 80
    domain: null

# Where in Azure the bot runs, and on what. Keys marked "required" have no default.
azure:
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedNames:
    """Names in Azure that only the controller knows.

    Attributes:
        client_id: of the bot's managed identity.
        gateway_token: name of the secret.
        openclaw_config: name of the secret; None without a fragment.
    """

    client_id: str
    key_vault: str
    account: str
    share: str
    gateway_token: str
    openclaw_config: str | None


# placeholders while the resources do not exist
PENDING: Final = CreatedNames(
    client_id="00000000-0000-0000-0000-000000000000",
    key_vault="pending",
    account="pending",
    share="pending",
    gateway_token="pending-token",  # noqa: S106 - a secret's name
    openclaw_config=None,
)


class Document(Section):
    """The content of a deployment file, with the names filled in."""

    bot: BotConfig
    azure: Target

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        if self.bot.state_backend == "local":
            # Azure deletes instances by itself: automatic repairs, and every reimage
            wording = "must be image or share: local bot data is lost with the instance, not"
            refuse(f"{wording} {shown('local')}", at="bot.state.backend")
        image = -(-self.bot.state.image_size_bytes // _GIB)
        if self.azure.share_gib < image + _ARCHIVES_GIB:
            needed = f"{image + _ARCHIVES_GIB} (bot.state.image_size and {_ARCHIVES_GIB} for images"
            refuse(f"must be at least {needed}), not {self.azure.share_gib}", at="azure.share_gib")
        small = self.azure.size is None and TIERS[self.azure.tier].ram_gib < _BUILD_GIB
        if small and self.bot.openclaw.image.source == "build":
            wording = f"{self.azure.tier} has too little RAM to build the container image"
            refuse(f"{wording}; set bot.openclaw.image.source: pull", at="azure.tier")
        return self

    @model_validator(mode="after")
    def _secret_is_not_another_bots(self) -> Self:
        # 'destroy' deletes secrets with names of this form as the bot's own
        token = self.bot.secrets.gateway_token.lower()
        if token.endswith((GATEWAY_TOKEN, OPENCLAW_CONFIG)) and token != (
            f"{self.bot.name}{GATEWAY_TOKEN}"
        ):
            wording = f"{shown(token)} has the form of a name that the controller gives to secrets"
            refuse(f"{wording}; choose another", at="bot.secrets.gateway_token")
        return self


@dataclass(frozen=True, slots=True)
class Deployment:
    """One bot's checked deployment file.

    Attributes:
        bot: the `bot` section as plain data.
        config: the agent's configuration, with placeholders for names in Azure.
        fragment: text of the openclaw.json fragment, a secret; None without one.
    """

    bot: dict[str, Any]
    config: BotConfig
    target: Target
    fragment: str | None = field(repr=False)

    @property
    def name(self) -> str:
        """The bot's name."""
        return self.config.name

    def agent_config(self, created: CreatedNames) -> BotConfig:
        """Return the agent's configuration with the names of created resources."""
        return BotConfig.model_validate(fill_in(self.bot, created))


def load_deployment(path: Path) -> Deployment:
    """Return the deployment in a file of at most 64 KiB, with the fragment it refers to.

    Raises:
        ConfigError: a file cannot be read or is invalid; has every problem found.
    """
    found = parse_deployment(read_text(path))
    if found.target.openclaw_config is None:
        return found
    fragment = read_text(path.parent / found.target.openclaw_config)
    if problem := _fragment_problem(fragment):
        message = f"{found.target.openclaw_config} {problem}"
        raise ConfigError([Problem("azure.openclaw_config", message)])
    return Deployment(found.bot, found.config, found.target, fragment)


def parse_deployment(text: str) -> Deployment:
    """Return the deployment in a YAML text, without its fragment.

    Raises:
        ConfigError: the text is invalid; has every problem found.
    """
    data = read_yaml(text)
    # an empty or missing section reports its required keys
    bot = {} if data.get("bot") is None else data["bot"]
    if not isinstance(bot, dict):
        raise ConfigError([Problem("bot", f"must be a mapping of keys, not {shown(bot)}")])
    try:
        document = Document.model_validate({**data, "bot": fill_in(bot, PENDING)})
    except ValidationError as error:
        raise ConfigError(problems_of(error, model=Document)) from error
    return Deployment(bot, document.bot, document.azure, None)


def fill_in(bot: Mapping[str, Any], created: CreatedNames) -> dict[str, Any]:
    """Return the agent's configuration, as plain data, for a `bot` section.

    Raises:
        ConfigError: the section sets a key that the controller sets.
    """
    taken = [
        Problem(path_of(("bot", section, key)), "is filled in by the controller; leave it out")
        for section, keys in _FILLED_IN.items()
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
        "azure": _merge(azure, bot.get("azure")),
        "share": _merge(share, bot.get("share")),
        "secrets": _merge(secrets, bot.get("secrets")),
    }


def example_text() -> str:
    """Return a commented deployment file that passes `check`."""
    return _EXAMPLE_HEAD + "\n".join(section_lines(Target, indent="  ")) + "\n"


def schema_text() -> str:
    """Return the JSON Schema (2020-12) as indented JSON, without the cross-checks."""
    bot = config_schema()
    target = Target.model_json_schema(mode="validation")
    definitions = {**bot.pop("$defs", {}), **target.pop("$defs", {})}
    for key in ("$schema", "$id"):
        del bot[key]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "type": "object",
        "additionalProperties": False,
        "required": ["bot", "azure"],
        "properties": {"bot": bot, "azure": target},
        "$defs": definitions,
    }
    return json.dumps(document, indent=2) + "\n"


def _merge(base: dict[str, Any], own: object) -> object:
    # the model reports a section that is not a mapping
    if own is not None and not isinstance(own, Mapping):
        return own
    return {**base, **(own or {})}


def _fragment_problem(text: str) -> str:
    """Return why the agent or Key Vault would refuse a fragment; empty if neither would."""
    size = len(text.encode())
    if size > _SECRET_BYTES:
        return f"has {size} bytes; a Key Vault secret holds at most {_SECRET_BYTES}"
    return json_object_problem(text)
