"""`status.json`: the run at this moment, readable even after a power cut."""

import json
from pathlib import Path
from typing import Any

from clawbot_agent.engine.events import Event
from clawbot_agent.host.files import Files, FileWriteError
from clawbot_agent.records.status import SCHEMA, RunStatus

__all__ = ["StatusFile", "read_status"]


class StatusFile:
    """Writes the status before and after every stage, and what a stage says meanwhile."""

    def __init__(self, path: Path, files: Files) -> None:
        """Write to `path` through `files`."""
        self._path = path
        self._files = files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Replace the file; on a full disk the previous one stays readable."""
        del event
        text = json.dumps(status.document(), indent=2) + "\n"
        try:
            self._files.write(self._path, text, mode=0o644)
        except FileWriteError:
            # the run is worth more than its report, and the events say the same
            return


def read_status(path: Path, files: Files) -> dict[str, Any] | None:
    """The last run's document; None when there is none or it is not one of ours."""
    text = files.read_text(path)
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        return None
    return found
