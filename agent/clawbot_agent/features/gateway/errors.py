"""Why a gateway does not serve."""

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause

__all__ = [
    "GatewayConfigRefusedError",
    "GatewayExitedError",
    "GatewayNotReadyError",
    "GatewayOomError",
    "GatewayStarvedError",
    "GatewayStateRefusedError",
    "PortTakenError",
]


class GatewayExitedError(ClawbotError):
    """The gateway's process ended while it started."""

    code = "GATEWAY_EXITED"
    cause = FailureCause.UNCERTAIN
    hint = "the message has the gateway's last lines; 'docker logs openclaw-gateway' has all"


class GatewayConfigRefusedError(ClawbotError):
    """OpenClaw ended with status 78: it refuses its configuration."""

    code = "GATEWAY_CONFIG_REFUSED"
    cause = FailureCause.OPERATOR
    hint = (
        "correct the configuration fragment in Key Vault; what is not changed is tried again "
        "after an hour or by 'systemctl start clawbot-gateway'"
    )


class GatewayStateRefusedError(ClawbotError):
    """OpenClaw ended with status 78: it could not bring its state to this release.

    A locked database or a file that changed meanwhile is a reason too, so another start may help.
    """

    code = "GATEWAY_STATE_REFUSED"
    cause = FailureCause.DATA
    retry = BRIEF
    hint = "the message has OpenClaw's reason; a state of a newer release needs that release"


class GatewayStarvedError(ClawbotError):
    """OpenClaw ended (status 78 or 1) because the processor was too slow for it.

    It gives a thread of its own five seconds to start (2026.9.6: not to be configured).
    """

    code = "GATEWAY_STARVED"
    cause = FailureCause.OPERATOR
    retry = PATIENT
    hint = (
        "the processor is busy or throttled (a burstable size without credits): it is tried again; "
        "if it comes back, take a larger size"
    )


class GatewayOomError(ClawbotError):
    """The kernel killed the gateway because it needed more memory than it may have."""

    code = "GATEWAY_OOM"
    cause = FailureCause.OPERATOR
    hint = "raise gateway.memory_limit, or take a larger size: an idle gateway needs 850 MB"


class GatewayNotReadyError(ClawbotError):
    """The gateway runs but does not become ready."""

    code = "GATEWAY_NOT_READY"
    cause = FailureCause.UNCERTAIN
    hint = "the message has its last lines; a slow machine may need a larger gateway.ready_timeout"


class PortTakenError(ClawbotError):
    """Another program listens on the gateway's port."""

    code = "PORT_TAKEN"
    cause = FailureCause.INSTANCE
    hint = "stop the program that listens there, then run the agent again"
