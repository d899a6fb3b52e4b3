"""The pages of error codes, from the classes: `python -m tests.support.error_reference`."""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ClawbotError

__all__ = ["PAGES", "Page", "classes", "text_of"]

_REFERENCE: Final = Path(__file__).resolve().parents[2] / "docs/reference"
_MINUTE: Final = 60
# up to here a wait is given in seconds
_SHORT: Final = 120

# the table is wide
_FRONT: Final = """\
---
hide:
  - toc
---

"""
# from the page, not from this module
_UP: Final = ".."
_AGENT: Final = f"""\
# Agent errors

Every failure on the instance has one of these codes, in `clawbot-agent status`, `status.json`,
`events.jsonl`, on the serial console and on the progress page. Codes are stable; texts are not.

*Cause* is the [failure cause]({_UP}/explanation/health.md#why-the-second-question-is-different):
only `instance` and `uncertain` make Azure replace the instance.

*Waits* is how long the agent itself retries; the stage's budget and the run's deadline end it
sooner.
"""
_CONTROLLER: Final = """\
# Controller errors

A failure of `clawbot-controller` is one line with one of these codes and a second line with the
next step. Codes are stable; texts are not.

*Waits* is how long the controller itself retries; each wait is reported.
"""
_GENERATED: Final = """
This page is generated from the code: `.venv/bin/python -m tests.support.error_reference`.

"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the errors of one program.

    Attributes:
        package: name of the program's package.
        head: text above the table.
        causes: whether the failure cause matters; the controller asks for no replacement.
    """

    path: Path
    package: str
    head: str
    causes: bool


PAGES: Final = (
    Page(_REFERENCE / "errors.md", "clawbot_agent", _AGENT, causes=True),
    Page(_REFERENCE / "controller-errors.md", "clawbot_controller", _CONTROLLER, causes=False),
)


def classes(package: str = "clawbot_agent") -> list[type[ClawbotError]]:
    """Return every error class of a package that has a code, in the order of the codes."""
    program = importlib.import_module(package)
    for module in pkgutil.walk_packages(program.__path__, f"{package}."):
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
    """Return the text of a page."""
    names = ("code", "meaning", *(("cause",) if page.causes else ()), "waits", "next step")
    rows = [_row(names), _row(("---",) * len(names))]
    rows += [_row(_cells(cls, causes=page.causes)) for cls in classes(page.package)]
    return _FRONT + page.head + _GENERATED + "\n".join(rows) + "\n"


def _cells(cls: type[ClawbotError], *, causes: bool) -> tuple[str, ...]:
    meaning = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
    cause = (cls.cause.value,) if causes else ()
    return (f"`{cls.code}`", meaning, *cause, _waits(cls.retry.within), cls.hint)


def _waits(seconds: float) -> str:
    if not seconds:
        return "no"
    return f"{seconds:.0f} s" if seconds < _SHORT else f"{seconds / _MINUTE:.0f} min"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    for each in PAGES:
        each.path.write_text(text_of(each))
