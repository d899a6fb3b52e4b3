"""docs/errors.md, made from the error classes: `python -m tests.support.error_reference`."""

import importlib
import pkgutil
from pathlib import Path
from typing import Final

import clawbot_agent
from clawbot_agent.errors import ClawbotError

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/errors.md"
_HEAD: Final = """\
# Error codes

Every failure of a stage carries one of these codes in `status.json`, `events.jsonl` and on the
console. *Waits* says for how long the agent itself tries again before it gives up; the run's
deadline and the stage's budget end it sooner. The codes are stable; the texts are not.

This page is made from the code: `.venv/bin/python -m tests.support.error_reference`.

| code | what it means | waits | what to do next |
| --- | --- | --- | --- |
"""


def classes() -> list[type[ClawbotError]]:
    """Every error class with a code, in the order of the codes."""
    for module in pkgutil.walk_packages(clawbot_agent.__path__, "clawbot_agent."):
        importlib.import_module(module.name)
    found: set[type[ClawbotError]] = set()
    todo = list(ClawbotError.__subclasses__())
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        if hasattr(one, "code") and one.__module__.startswith("clawbot_agent."):
            found.add(one)
    return sorted(found, key=lambda cls: (cls.code, cls.__name__))


def page() -> str:
    """The text of the page."""
    return _HEAD + "".join(f"{_row(cls)}\n" for cls in classes())


def _row(cls: type[ClawbotError]) -> str:
    meaning = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
    within = cls.retry.within
    waits = "no" if not within else f"{within:.0f} s" if within < 120 else f"{within / 60:.0f} min"
    cells = (f"`{cls.code}`", meaning, waits, cls.hint)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
