"""Why the gateway does not serve."""

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause


class GatewayExitedError(ClawbotError):
    """The gateway's process exited during startup."""

    code = "GATEWAY_EXITED"
    cause = FailureCause.UNCERTAIN
    hint = "see the gateway's last lines in the message, and 'docker logs openclaw-gateway' for all"


class GatewayConfigRefusedError(ClawbotError):
    """OpenClaw exited with status 78: it rejects its configuration."""

    code = "GATEWAY_CONFIG_REFUSED"
    cause = FailureCause.OPERATOR
    hint = (
        "correct the configuration fragment in Key Vault; an unchanged configuration is tried "
        "again after 1 h, or by 'systemctl start clawbot-gateway'"
    )


class GatewayStateRefusedError(ClawbotError):
    """OpenClaw exited with status 78: it could not migrate the bot data to this release.

    A locked database or a concurrent change of a file has the same effect, so a retry may help.
    """

    code = "GATEWAY_STATE_REFUSED"
    cause = FailureCause.DATA
    retry = BRIEF
    hint = "see OpenClaw's reason in the message; bot data of a newer release needs that release"


class GatewayStarvedError(ClawbotError):
    """OpenClaw exited (status 78 or 1) because the CPU was too slow.

    It gives its own worker thread 5 s to start (2026.9.6: not configurable).
    """

    code = "GATEWAY_STARVED"
    cause = FailureCause.OPERATOR
    retry = PATIENT
    hint = (
        "nothing to do if the CPU was busy for a moment: the agent retries for 5 min; if it "
        "persists, use a larger VM size (a burstable size is throttled when its credits are used "
        "up)"
    )


class GatewayOomError(ClawbotError):
    """The kernel killed the gateway because it ran out of memory."""

    code = "GATEWAY_OOM"
    cause = FailureCause.OPERATOR
    hint = "raise gateway.memory_limit or use a larger VM size; an idle gateway needs 850 MB"


class GatewayNotReadyError(ClawbotError):
    """The gateway runs but does not become ready."""

    code = "GATEWAY_NOT_READY"
    cause = FailureCause.UNCERTAIN
    hint = "see the gateway's last lines in the message; on a slow VM raise gateway.ready_timeout"


class PortTakenError(ClawbotError):
    """Another process listens on the gateway's port."""

    code = "PORT_TAKEN"
    cause = FailureCause.INSTANCE
    hint = "stop the process named in the message, then run 'clawbot-agent run'"
