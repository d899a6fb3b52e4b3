"""What an operator meets on an instance that is about to go."""

from clawbot_agent.errors import ClawbotError

__all__ = ["InstanceLeavingError"]


class InstanceLeavingError(ClawbotError):
    """Azure has announced that this instance goes; nothing is started on it any more."""

    code = "INSTANCE_LEAVING"
    hint = (
        "wait: the next instance starts the bot, or this one does by itself when it stays; "
        "'journalctl -u clawbot-events' tells the story"
    )
