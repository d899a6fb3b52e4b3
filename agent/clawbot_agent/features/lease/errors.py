"""Errors around the lease."""

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause


class LeaseHeldError(ClawbotError):
    """Another instance holds the lease."""

    code = "LEASE_HELD"
    cause = FailureCause.OTHER_INSTANCE
    hint = (
        "stop or delete the other instance, or wait: this instance takes over within 2 min after "
        "the other one ends, and then starts the bot by itself"
    )


class LeaseLostError(ClawbotError):
    """This instance does not hold the lease any more."""

    code = "LEASE_LOST"
    cause = FailureCause.OTHER_INSTANCE
    retry = BRIEF
    hint = (
        "see 'journalctl -u clawbot-lease' for the reason (share unreachable, or another instance "
        "took over); the next run waits for the lease again"
    )


class LeaseDaemonError(ClawbotError):
    """The lease daemon does not report its state."""

    code = "LEASE_DAEMON_SILENT"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "check 'systemctl status clawbot-lease' and 'journalctl -u clawbot-lease'"
