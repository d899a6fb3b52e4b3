"""The progress page: what people see who come before the bot is there."""

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any, Final

from clawbot_agent.health.checks.last_run import UNDER_WAY
from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.snapshot import Snapshot
from clawbot_agent.health.verdict import RUN
from clawbot_agent.report.progress import progress

__all__ = ["Progress", "page", "policy", "progress_of"]

_TEMPLATE: Final = "progress.html"
_GATEWAY: Final = "gateway"
_INLINE: Final = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


def progress_of(snapshot: Snapshot) -> dict[str, Any]:
    """The progress of the last run of this boot, as the page tells it."""
    known = {found.name: found for found in snapshot.components}
    run, gateway = known.get(RUN), known.get(_GATEWAY)
    return progress(
        None if run is None else run.story,
        now=snapshot.at,
        under_way=run is not None and _works(run),
        serving=gateway is not None and gateway.state is State.OK,
    )


def _works(run: Component) -> bool:
    return run.state is State.STARTING or run.figures.get(UNDER_WAY) == 1


class Progress:
    """Follows the snapshots and keeps the document ready to be sent."""

    def __init__(self) -> None:
        """Nothing known yet."""
        self.body = b"{}"

    def follow(self, snapshot: Snapshot) -> None:
        """Renew the document."""
        self.body = json.dumps(progress_of(snapshot)).encode()


def page() -> str:
    """The HTML page, which fetches the document every two seconds."""
    return resources.files("clawbot_agent.health").joinpath(_TEMPLATE).read_text("utf-8")


def policy(html: str) -> str:
    """Content-Security-Policy: the page's own style and script, its own server, nothing else."""
    allowed: dict[str, str] = {}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[kind] = f"'sha256-{digest}'"
    return (
        f"default-src 'none'; style-src {allowed['style']}; script-src {allowed['script']}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
