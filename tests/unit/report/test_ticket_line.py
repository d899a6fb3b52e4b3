"""The line about the share's ticket."""

import json
from typing import Any

import pytest

from clawbot_agent.core.paths import TICKET_FILE
from clawbot_agent.report.ticket_line import ticket_line
from tests.fakes import FakeFiles

END = "2026-01-02T00:00:00+00:00"
FAILED = {"code": "SHARE_TICKET_REFUSED", "message": "no"}


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (None, None),
        ({"schema": 2}, None),
        ({"schema": 1, "end": END, "error": None}, f"ticket for the share: until {END}"),
        (
            {"schema": 1, "end": END, "tried": "now", "error": FAILED},
            f"ticket for the share: until {END}; last try now: SHARE_TICKET_REFUSED: no",
        ),
        (
            {"schema": 1, "end": None, "tried": "now", "error": FAILED},
            "ticket for the share: none; last try now: SHARE_TICKET_REFUSED: no",
        ),
    ],
)
def test_line(document: dict[str, Any] | None, line: str | None) -> None:
    """Nothing for a bot that needs no ticket."""
    files = FakeFiles()
    if document is not None:
        files.put(TICKET_FILE, json.dumps(document))
    assert ticket_line(files) == line
