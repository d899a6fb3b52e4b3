"""Errors of Caddy."""

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause


class CaddyfileInvalidError(ClawbotError):
    """Caddy rejects the new Caddyfile; the live one is unchanged."""

    code = "CADDYFILE_INVALID"
    cause = FailureCause.OPERATOR
    hint = "see Caddy's message; if it names an unknown directive, install another version of Caddy"


class CaddyReloadFailedError(ClawbotError):
    """Caddy did not load the new Caddyfile; the previous one is restored."""

    code = "CADDY_RELOAD_FAILED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see 'journalctl -u caddy'; the rejected file is /etc/caddy/Caddyfile.refused"


class PortInUseError(ClawbotError):
    """Another process listens on one of Caddy's ports."""

    code = "PORT_IN_USE"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "stop and disable the service of the process named in the message"
