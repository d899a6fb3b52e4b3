"""Reading a deployment file: `bot` is the agent's configuration, `azure` where it is to be."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError, model_validator

from clawbot_agent.config.fragment import json_object_problem
from clawbot_agent.config.load import read_text
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.problems import ConfigError, Problem, shown
from clawbot_agent.config.reader import read_yaml
from clawbot_agent.config.rules import refuse
from clawbot_agent.config.section import Section
from clawbot_agent.config.wording import problems_of
from clawbot_controller.deployment.fill import PENDING, Created, filled
from clawbot_controller.deployment.names import GATEWAY_TOKEN, OPENCLAW_CONFIG
from clawbot_controller.deployment.target import Target
from clawbot_controller.deployment.tiers import TIERS

__all__ = ["Deployment", "Document", "load_deployment", "parse_deployment"]

_BUILD_GIB: Final = 4
# the built image's archives beside the memory
_ARCHIVES_GIB: Final = 2
_GIB: Final = 1024**3
# https://learn.microsoft.com/azure/key-vault/secrets/about-secrets: "25k bytes"
_SECRET_BYTES: Final = 25_000


class Document(Section):
    """A deployment file, with what the controller fills in."""

    bot: BotConfig
    azure: Target

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.bot.state_backend == "local":
            # Azure takes instances away by itself: repairs, and every reimage
            wording = "must be image or share: a local memory ends with the instance, not"
            refuse(f"{wording} {shown('local')}", at="bot.state.backend")
        image = -(-self.bot.state.image_size_bytes // _GIB)
        if self.azure.share_gib < image + _ARCHIVES_GIB:
            needed = f"{image + _ARCHIVES_GIB} (bot.state.image_size and {_ARCHIVES_GIB} for images"
            refuse(f"must be at least {needed}), not {self.azure.share_gib}", at="azure.share_gib")
        small = self.azure.size is None and TIERS[self.azure.tier].memory_gib < _BUILD_GIB
        if small and self.bot.openclaw.image.source == "build":
            wording = f"{self.azure.tier} has too little memory to build the image"
            refuse(f"{wording}; set bot.openclaw.image.source: pull", at="azure.tier")
        return self

    @model_validator(mode="after")
    def _secret_is_its_own(self) -> Self:
        # 'destroy' takes names of this form for the bot's own
        token = self.bot.secrets.gateway_token.lower()
        if token.endswith((GATEWAY_TOKEN, OPENCLAW_CONFIG)) and token != (
            f"{self.bot.name}{GATEWAY_TOKEN}"
        ):
            wording = f"{shown(token)} is the form of the names of bots' own secrets"
            refuse(f"{wording}; choose another", at="bot.secrets.gateway_token")
        return self


@dataclass(frozen=True, slots=True)
class Deployment:
    """One bot, checked.

    Attributes:
        bot: the operator's section as plain data.
        config: the same as the agent reads it, with names that are still pending.
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

    def agent_config(self, created: Created) -> BotConfig:
        """The agent's configuration, now that the names are known."""
        return BotConfig.model_validate(filled(self.bot, created))


def load_deployment(path: Path) -> Deployment:
    """Return the deployment in a file of at most 64 KiB, with the fragment beside it.

    Raises:
        ConfigError: one of them cannot be read, or whatever is wrong with its content.
    """
    found = parse_deployment(read_text(path))
    if found.target.openclaw_config is None:
        return found
    fragment = read_text(path.parent / found.target.openclaw_config)
    if problem := _fragment_problem(fragment):
        where = f"{found.target.openclaw_config} {problem}"
        raise ConfigError([Problem("azure.openclaw_config", where)])
    return Deployment(found.bot, found.config, found.target, fragment)


def _fragment_problem(text: str) -> str:
    """Why the agent or Key Vault would refuse it; empty when they take it."""
    size = len(text.encode())
    if size > _SECRET_BYTES:
        return f"has {size} bytes; a secret of Key Vault holds {_SECRET_BYTES}"
    return json_object_problem(text)


def parse_deployment(text: str) -> Deployment:
    """Return the deployment in a YAML text, without its fragment.

    Raises:
        ConfigError: whatever is wrong with it.
    """
    data = read_yaml(text)
    # an empty or a missing section reads as one whose required keys are missing
    bot = {} if data.get("bot") is None else data["bot"]
    if not isinstance(bot, dict):
        raise ConfigError([Problem("bot", f"must be a mapping of keys, not {shown(bot)}")])
    try:
        document = Document.model_validate({**data, "bot": filled(bot, PENDING)})
    except ValidationError as error:
        raise ConfigError(problems_of(error, model=Document)) from error
    return Deployment(bot, document.bot, document.azure, None)
