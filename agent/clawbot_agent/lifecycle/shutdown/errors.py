"""What an operator meets on an instance that is about to go."""

from clawbot_agent.core.errors import ClawbotError, FailureCause

__all__ = ["InstanceLeavingError", "LeaveUnheardError", "LeaveUnsafeError"]


class InstanceLeavingError(ClawbotError):
    """This instance goes, as Azure announced or an operator asked; nothing is started on it."""

    code = "INSTANCE_LEAVING"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "wait: the next instance starts the bot, or this one does by itself when it stays; "
        "'journalctl -u clawbot-events' tells the story"
    )


class LeaveUnheardError(ClawbotError):
    """Nobody acts on an operator's wish that the instance leaves."""

    code = "LEAVE_UNANSWERED"
    cause = FailureCause.OTHER_INSTANCE
    hint = "look at 'systemctl status clawbot-events', which does the work, and ask again"


class LeaveUnsafeError(ClawbotError):
    """The instance did not leave in order: its memory may not be on the share."""

    code = "LEAVE_UNSAFE"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "'journalctl -u clawbot-events' tells what holds it; a machine that is cut now may lose "
        "the last half minute, and its successor waits for up to two minutes"
    )
