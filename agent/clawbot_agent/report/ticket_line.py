"""The share's Kerberos ticket in one line, for `status`."""

from collections.abc import Mapping
from typing import Any

from clawbot_agent.core.paths import TICKET_FILE
from clawbot_agent.host.files import Files
from clawbot_agent.report.status_file import read_status

__all__ = ["ticket_line"]


def ticket_line(files: Files) -> str | None:
    """Until when the ticket lasts and what came of the last try; None without one."""
    found = read_status(TICKET_FILE, files)
    if found is None:
        return None
    end = found.get("end")
    line = f"ticket for the share: until {end}" if end else "ticket for the share: none"
    error = found.get("error")
    if isinstance(error, Mapping):
        line += f"; last try {found.get('tried')}: {_told(error)}"
    return line


def _told(error: Mapping[str, Any]) -> str:
    return f"{error.get('code')}: {error.get('message')}"
