"""Whether the agent still asks for another instance, in one line, for `status`."""

from clawbot_agent.core.paths import REPAIR_FILE
from clawbot_agent.host.files import Files
from clawbot_agent.report.status_file import read_status

__all__ = ["repair_line"]


def repair_line(files: Files) -> str | None:
    """What the last failures say about a replacement; None without one since a success."""
    found = read_status(REPAIR_FILE, files)
    if found is None:
        return None
    held = "held, no further instance is asked for" if found.get("verdict") == "hold" else "open"
    return f"replacement: {held}; {found.get('reason')}"
