"""What `status` says about a replacement."""

import json

import pytest

from clawbot_agent.core.paths import REPAIR_FILE
from clawbot_agent.report.replacement_line import repair_line
from tests.fakes import FakeFiles


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        ("ask", "replacement: open; why"),
        ("hold", "replacement: held, no further instance is asked for; why"),
    ],
)
def test_the_verdict_and_why(verdict: str, line: str) -> None:
    files = FakeFiles()
    files.put(REPAIR_FILE, json.dumps({"schema": 1, "verdict": verdict, "reason": "why"}))
    assert repair_line(files) == line


def test_nothing_without_a_failure() -> None:
    assert repair_line(FakeFiles()) is None
