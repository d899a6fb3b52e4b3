"""What can go wrong on the operator's side."""

from typing import ClassVar

from clawbot_agent.core.errors import ClawbotError

__all__ = [
    "AgentSourceError",
    "AssetMissingError",
    "CustomDataTooLargeError",
    "DestroyNotConfirmedError",
    "NotDeployedError",
    "ShareInUseError",
]


class AgentSourceError(ClawbotError):
    """What is to be installed on the instance is not named in a way that pins it."""

    code: ClassVar[str] = "AGENT_SOURCE_INVALID"
    hint = (
        "give an address or an absolute path that ends in .tar or .whl, or "
        "clawbot-agent==VERSION, and its SHA-256 from the release's SHA256SUMS"
    )


class AssetMissingError(ClawbotError):
    """A file that belongs to the controller is not where it was installed."""

    code: ClassVar[str] = "CONTROLLER_INCOMPLETE"
    hint = "install the controller again, from the release's wheel"


class CustomDataTooLargeError(ClawbotError):
    """The custom data of a bot would be larger than the limit."""

    code: ClassVar[str] = "CUSTOM_DATA_TOO_LARGE"
    hint = "shorten the longest values of the configuration"


class NotDeployedError(ClawbotError):
    """The bot has no scale set or no instance to work with."""

    code: ClassVar[str] = "BOT_NOT_DEPLOYED"
    hint = "run 'up' first"


class DestroyNotConfirmedError(ClawbotError):
    """The bot's memory would be deleted, and nobody has given its name."""

    code: ClassVar[str] = "DESTROY_NOT_CONFIRMED"
    hint = "give the bot's name: --confirm NAME, once for each bot"


class ShareInUseError(ClawbotError):
    """The way to the share cannot change while an instance uses it."""

    code: ClassVar[str] = "SHARE_IN_USE"
    hint = "run 'stop --to-zero' first, then 'up': the new instance mounts it in the new way"
