"""The progress page, which browsers see while the bot does not answer yet."""

import base64
import hashlib
import re
from importlib import resources
from typing import Final

from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.health.board import Snapshot
from clawbot_agent.health.verdict import GATEWAY, RUN, UNDER_WAY
from clawbot_agent.records.output import Progress
from clawbot_agent.records.record import text_of
from clawbot_agent.report.progress import progress

_TEMPLATE: Final = "progress.html"
_INLINE: Final = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


def progress_of(snapshot: Snapshot) -> Progress:
    """Return the progress of this boot's last run."""
    known = {found.name: found for found in snapshot.components}
    run, gateway = known.get(RUN), known.get(GATEWAY)
    starting = run is not None and run.state is ComponentState.STARTING
    return progress(
        None if run is None else run.run,
        now=snapshot.at,
        under_way=starting or (run is not None and run.figures.get(UNDER_WAY) == 1),
        serving=gateway is not None and gateway.state is ComponentState.OK,
    )


class ProgressPage:
    """Follows the snapshots and keeps the page's document ready."""

    def __init__(self) -> None:
        """Nothing known yet."""
        self.body = b"{}"

    def follow(self, snapshot: Snapshot) -> None:
        """Renew the document."""
        self.body = text_of(progress_of(snapshot), indent=None).encode()


def page() -> str:
    """Return the HTML page, which fetches the document every two seconds."""
    return resources.files("clawbot_agent.health").joinpath(_TEMPLATE).read_text("utf-8")


def policy(html: str) -> str:
    """Return the Content-Security-Policy: the page's own style, script and server, nothing else."""
    allowed: dict[str, str] = {}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[kind] = f"'sha256-{digest}'"
    return (
        f"default-src 'none'; style-src {allowed['style']}; script-src {allowed['script']}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
