"""Health check of Caddy from end to end: a request to the bot's own address."""

from dataclasses import replace
from typing import Final

from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.features.caddy.caddyfile import LIVE, domain_of
from clawbot_agent.host import Host
from clawbot_agent.host.http import Answer, AskHttps, ask_https

# OpenClaw answers this path to every client, also to one on the instance itself
_PATH: Final = "/healthz"
# the answer is the gateway's, which may be busy for seconds
_SECONDS: Final = 8.0
# Caddy renews when a third of the time is left; half of that gone means that renewal fails
_CERTIFICATE_SECONDS: Final = 14 * 86400


class CertificateNotAcceptedError(ClawbotError):
    """Caddy serves the domain without a certificate that clients accept."""

    code = "CERTIFICATE_NOT_ACCEPTED"
    cause = FailureCause.OPERATOR
    hint = (
        "check that the domain's DNS points to this instance and that ports 80 and 443 are open; "
        "'journalctl -u caddy' has the certificate authority's message"
    )


class CaddyCheck:
    """Whether Caddy accepts requests and proxies them to the gateway."""

    def __init__(self, *, plain: str = "http://127.0.0.1", secure: AskHttps = ask_https) -> None:
        """Request `plain`, or through `secure` when the live Caddyfile serves a domain."""
        self._plain = plain
        self._secure = secure

    def __call__(self, host: Host) -> Finding:
        """Send one request, through to the gateway."""
        domain = domain_of(host.files.read_text(LIVE) or "")
        if domain is None:
            return _judged(host.get_json(f"{self._plain}{_PATH}", timeout=_SECONDS))
        found = self._secure(domain, _PATH, timeout=_SECONDS)
        finding = _judged(found.answer)
        if found.refused:
            return replace(finding, errors=(CertificateNotAcceptedError.ref(),))
        if found.certificate_end is None:
            return finding
        left = (found.certificate_end - host.clock.now()).total_seconds()
        figures = {"certificate_remaining_seconds": left}
        if finding.state is ComponentState.OK and left < _CERTIFICATE_SECONDS:
            why = f"the certificate of {domain} expires in {age_text(left)} and is not renewed"
            return Finding(ComponentState.WARNING, why, figures)
        return Finding(finding.state, finding.reason, figures)


def _judged(answer: Answer) -> Finding:
    if answer.body.get("ok") is True:
        return Finding(ComponentState.OK, "proxies requests to the gateway")
    # the agent's Caddyfile answers this for an unreachable gateway, which has its own component
    if answer.body.get("status") == "unavailable":
        return Finding(ComponentState.OK, "up; the gateway behind it is not")
    if answer.status:
        what = answer.problem or "the answer is not the gateway's"
        return Finding(ComponentState.FAILED, f"answers {answer.status}: {what}")
    return Finding(ComponentState.FAILED, answer.problem or "no answer")
