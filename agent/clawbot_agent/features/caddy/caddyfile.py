"""The Caddyfile of a bot."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import GATEWAY_PORT, HEALTH_PORT
from clawbot_agent.core.templates import render

LIVE: Final = Path("/etc/caddy/Caddyfile")
# in Caddy's home, because Debian's unit creates no directory in /run
ADMIN_SOCKET: Final = Path("/var/lib/caddy/clawbot-admin.sock")
# name of the variable that shows which file a running server has loaded
MARK: Final = "clawbot_caddyfile"

_UPSTREAM: Final = f"127.0.0.1:{GATEWAY_PORT}"
# the sidecar, and its page with the overall status only
_HEALTH_UPSTREAM: Final = f"127.0.0.1:{HEALTH_PORT}"
_HEALTH_PATH: Final = "/health/public"
# the sidecar's progress page, and the document that it loads: a path unknown to OpenClaw
_PROGRESS_PATH: Final = "/progress"
_DOCUMENT_PATH: Final = "/.clawbot/progress.json"
# OpenClaw answers it to every client
_LIVE_PATH: Final = "/healthz"
# Caddy's conditions: a browser's request for a page, and in addition the page's own requests
_BROWSERS: Final = "method('GET', 'HEAD') && header({'Accept': '*text/html*'})"
_VISITORS: Final = f"path('{_DOCUMENT_PATH}') || ({_BROWSERS})"
# the first block after the global one that is not a snippet
_SITE: Final = re.compile(r"^([^\s({:][^\s:]*) \{$", re.MULTILINE)
_DIGITS: Final = 16
# headers with which proxies identify a client; OpenClaw and what it serves may trust them
_IDENTITY_HEADERS: Final = (
    *("Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Original-Forwarded-For"),
    *("True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip"),
    *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups"),
    *("X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token"),
    *("X-Auth-Request-*", "X-Authenticated-*", "X-Remote-User", "X-Webauth-User"),
    *("Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name"),
    *("Tailscale-*", "X-Ms-Client-Principal*", "X-Original-Url", "X-Rewrite-Url"),
)


@dataclass(frozen=True, slots=True)
class Caddyfile:
    """Text of the file, and the digest of the text that it contains."""

    text: str
    digest: str


@lru_cache(maxsize=4)
def caddyfile(*, domain: str | None, email: str | None, progress_page: bool = True) -> Caddyfile:
    """Return the file for `domain` with automatic HTTPS, or for plain HTTP on port 80.

    With `progress_page`, browsers get the sidecar's page while the gateway is down.
    """

    def rendered(digest: str) -> str:
        return render(
            "clawbot_agent.features.caddy",
            "Caddyfile.j2",
            admin_socket=ADMIN_SOCKET,
            email=email if domain else None,
            site=domain or ":80",
            https=domain is not None,
            mark=f"{MARK} {digest}",
            upstream=_UPSTREAM,
            health_upstream=_HEALTH_UPSTREAM,
            health_path=_HEALTH_PATH,
            identity_headers=_IDENTITY_HEADERS,
            progress_page=progress_page,
            progress_path=_PROGRESS_PATH,
            document_path=_DOCUMENT_PATH,
            live_path=_LIVE_PATH,
            browsers=_BROWSERS,
            visitors=_VISITORS,
        )

    digest = hashlib.sha256(rendered("").encode()).hexdigest()[:_DIGITS]
    return Caddyfile(rendered(digest), digest)


def domain_of(text: str) -> str | None:
    """Return the domain that a Caddyfile of the agent serves; None for plain HTTP."""
    found = _SITE.search(text)
    return None if found is None else found[1]
