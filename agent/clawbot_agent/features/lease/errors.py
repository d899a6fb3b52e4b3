"""What can keep an instance from the lease."""

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause

__all__ = ["LeaseDaemonError", "LeaseHeldError", "LeaseLostError"]


class LeaseHeldError(ClawbotError):
    """Another instance has the bot's memory."""

    code = "LEASE_HELD"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "delete or stop the other instance, or wait: this one goes on waiting, takes over within "
        "two minutes of the other's end, and then starts the bot by itself"
    )


class LeaseLostError(ClawbotError):
    """The lease was held and is not any more."""

    code = "LEASE_LOST"
    cause = FailureCause.OTHER_INSTANCE
    retry = BRIEF
    hint = (
        "the share did not answer for too long, or another instance took over: "
        "'journalctl -u clawbot-lease' tells which; the next run waits for the lease again"
    )


class LeaseDaemonError(ClawbotError):
    """The daemon that has to hold the lease does not say how it is."""

    code = "LEASE_DAEMON_SILENT"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "'systemctl status clawbot-lease' and 'journalctl -u clawbot-lease' tell why"
