"""`self-repairs.json`: what had to be put right in boots that had converged, and how often."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host.files import Files, FileWriteError
from clawbot_agent.records.status import RunStatus

__all__ = ["SelfRepairs", "read_self_repairs"]

_SCHEMA: Final = 1
_RESULTS: Final = {Kind.REPAIR_DONE: "repaired", Kind.REPAIR_FAILED: "failed"}


class SelfRepairs:
    """Counts repairs; the file outlives boots.

    `{"schema": 1, "repairs": {WHAT: {"count", "failed", "last", "last_result"}}}`: `count` of all
    tries, `failed` of those among them that did not help, `last` in ISO 8601, `last_result`
    "repaired" or "failed". WHAT is gateway, mount, ticket, disk, or the name of another stage.
    """

    def __init__(self, path: Path, files: Files) -> None:
        """Write to `path` through `files`."""
        self._path = path
        self._files = files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Count, when it is a repair."""
        del status
        result = _RESULTS.get(event.kind)
        if result is None:
            return
        repairs = read_self_repairs(self._path, self._files)
        before = repairs.get(event.data["what"], {})
        repairs[event.data["what"]] = {
            "count": before.get("count", 0) + 1,
            "failed": before.get("failed", 0) + (result == "failed"),
            "last": event.time.isoformat(timespec="seconds"),
            "last_result": result,
        }
        text = json.dumps({"schema": _SCHEMA, "repairs": repairs}, indent=2) + "\n"
        # on a full disk the repair is worth more than its count
        with suppress(FileWriteError):
            self._files.write(self._path, text, mode=0o644)


def read_self_repairs(path: Path, files: Files) -> dict[str, dict[str, Any]]:
    """By what was repaired; empty without a file of ours."""
    try:
        found = json.loads(files.read_text(path) or "")
        known = found["schema"] == _SCHEMA
        return {what: dict(one) for what, one in found["repairs"].items()} if known else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
