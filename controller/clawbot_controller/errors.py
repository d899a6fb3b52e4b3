"""Errors that do not come from Azure."""

from typing import ClassVar

from clawbot_agent.core.errors import ClawbotError


class AgentSourceError(ClawbotError):
    """The agent to install is not named in a way that pins it."""

    code: ClassVar[str] = "AGENT_SOURCE_INVALID"
    hint = (
        "give the URL or absolute path of a .tar or .whl file, or clawbot-agent==VERSION, and "
        "its SHA-256 from the release's SHA256SUMS"
    )


class AssetMissingError(ClawbotError):
    """A file of the controller is missing from its installation."""

    code: ClassVar[str] = "CONTROLLER_INCOMPLETE"
    hint = "reinstall the controller from the release's wheel"


class CustomDataTooLargeError(ClawbotError):
    """The bot's custom data exceeds the size limit."""

    code: ClassVar[str] = "CUSTOM_DATA_TOO_LARGE"
    hint = "shorten the longest values of the configuration"


class NotDeployedError(ClawbotError):
    """The bot has no scale set or no running instance."""

    code: ClassVar[str] = "BOT_NOT_DEPLOYED"
    hint = "run 'clawbot-controller up' first"


class DestroyNotConfirmedError(ClawbotError):
    """Deleting the bot data was not confirmed with the bot's name."""

    code: ClassVar[str] = "DESTROY_NOT_CONFIRMED"
    hint = "give --confirm NAME, once for each bot"


class ShareInUseError(ClawbotError):
    """The share's authentication cannot change while an instance uses the share."""

    code: ClassVar[str] = "SHARE_IN_USE"
    hint = "run 'clawbot-controller stop --to-zero', then 'clawbot-controller up'"
