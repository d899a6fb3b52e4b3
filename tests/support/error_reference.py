"""The pages of error codes, made from the classes: `python -m tests.support.error_reference`."""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import clawbot_agent
import clawbot_controller
from clawbot_agent.core.errors import ClawbotError

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_AGENT: Final = """\
# Error codes

Every failure of a stage carries one of these codes in `status.json`, `events.jsonl` and on the
console. *Waits* says for how long the agent itself tries again before it gives up; the run's
deadline and the stage's budget end it sooner. The codes are stable; the texts are not.
"""
_CONTROLLER: Final = """\
# Error codes of the controller

What `clawbot-controller` could not do for a bot it says in one line with one of these codes, and in
a second one what to do next. *Waits* says for how long it tries again by itself, telling each wait.
The codes are stable; the texts are not.
"""
_TABLE: Final = """
This page is made from the code: `.venv/bin/python -m tests.support.error_reference`.

| code | what it means | waits | what to do next |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the errors of one program.

    Attributes:
        package: its name.
    """

    path: Path
    package: str
    head: str


PAGES: Final = (
    Page(_DOCS / "errors.md", "clawbot_agent", _AGENT),
    Page(_DOCS / "controller-errors.md", "clawbot_controller", _CONTROLLER),
)


def classes(package: str = "clawbot_agent") -> list[type[ClawbotError]]:
    """Every error class of a package with a code, in the order of the codes."""
    for program in (clawbot_agent, clawbot_controller):
        for module in pkgutil.walk_packages(program.__path__, f"{program.__name__}."):
            importlib.import_module(module.name)
    found: set[type[ClawbotError]] = set()
    todo = list(ClawbotError.__subclasses__())
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        if hasattr(one, "code") and one.__module__.startswith(f"{package}."):
            found.add(one)
    return sorted(found, key=lambda cls: (cls.code, cls.__name__))


def text_of(page: Page) -> str:
    """The text of a page."""
    return page.head + _TABLE + "".join(f"{_row(cls)}\n" for cls in classes(page.package))


def _row(cls: type[ClawbotError]) -> str:
    meaning = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
    within = cls.retry.within
    waits = "no" if not within else f"{within:.0f} s" if within < 120 else f"{within / 60:.0f} min"
    cells = (f"`{cls.code}`", meaning, waits, cls.hint)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    for each in PAGES:
        each.path.write_text(text_of(each))
