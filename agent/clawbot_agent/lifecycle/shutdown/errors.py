"""Errors on an instance that is shutting down."""

from clawbot_agent.core.errors import ClawbotError, FailureCause


class InstanceLeavingError(ClawbotError):
    """The instance is shutting down, for a scheduled event or a leave request; nothing starts."""

    code = "INSTANCE_LEAVING"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "nothing to do: the next instance starts the bot, or this one if the event is canceled; "
        "see 'journalctl -u clawbot-events'"
    )


class LeaveUnansweredError(ClawbotError):
    """The leave request was not answered."""

    code = "LEAVE_UNANSWERED"
    cause = FailureCause.OTHER_INSTANCE
    hint = "check 'systemctl status clawbot-events', then run 'clawbot-agent leave' again"


class LeaveUnsafeError(ClawbotError):
    """The shutdown is incomplete: the bot data may not be on the share."""

    code = "LEAVE_UNSAFE"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "check 'journalctl -u clawbot-events' for what blocks it; deleting the instance now may "
        "lose the last 30 s, and the next instance waits up to 2 min for the lease"
    )
