"""Small JSON files by which other programs of the instance say how they are."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clawbot_agent.host.files import Files

__all__ = ["moment", "read_document"]


def read_document(path: Path, files: Files) -> dict[str, Any] | None:
    """The object in a file; None when there is no file.

    Raises:
        ValueError: the file does not hold a JSON object.
    """
    text = files.read_text(path)
    if text is None:
        return None
    found = json.loads(text)
    if not isinstance(found, dict):
        msg = f"{path} holds no JSON object"
        raise ValueError(msg)  # noqa: TRY004 - the content is wrong, not the caller
    return found


def moment(text: object) -> datetime | None:
    """A time in ISO 8601; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
