"""How far a run is, for people who may be strangers: no name, path or address of this bot."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from clawbot_agent.report.lines import shortened

__all__ = ["SCHEMA", "State", "plain_words", "progress"]

SCHEMA: Final = 1
_WIDTH: Final = 120
# of a stage that takes longer than it is used to; never quite done before it is
_NEARLY: Final = 0.95
_OVER: Final = frozenset({"unchanged", "changed", "degraded"})
# what stands in brackets is a reason, mostly with names
_BRACKETS: Final = re.compile(r"\s*\([^()]*\)")
# paths, URLs, networks (no "step 3/9"); addresses of IPv4, IPv6 and mail; identifiers
_INTERNAL: Final = re.compile(
    r"(?<!\S)(?!\d+/\d+\b)\S*/[^\s,;]*|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*|\b[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]*\b|"
    r"\S+@\S+\.[a-z]+\b|\b[0-9a-fA-F]{8}[0-9a-fA-F-]*\b"
)
# nothing is left of where it comes from or goes to
_WHERE: Final = re.compile(r" (?:at|from|in|into|on|to) …")


class State(StrEnum):
    """Of the way to a bot."""

    PREPARING = "preparing"
    """No run since the boot yet."""
    RUNNING = "running"
    FAILED = "failed"
    """The last run failed or was cut off; the timer's next one tries again."""
    DONE = "done"


def progress(
    document: Mapping[str, Any] | None, *, now: datetime, under_way: bool, serving: bool
) -> dict[str, Any]:
    """The page's document; its keys are a promise (docs/reference/health.md).

    Args:
        document: status.json of a run of this boot; None without one.
        now: wall clock, aware.
        under_way: somebody holds the run's lock.
        serving: somebody who asks gets the bot.
    """
    state = _state(document, under_way=under_way)
    stages = [] if document is None else [_stage(stage, now) for stage in document["stages"]]
    started = None if document is None else document["started"]
    until = None if document is None else document["finished"]
    return {
        "schema": SCHEMA,
        "state": state.value,
        "serving": serving,
        "percent": 0 if document is None else _percent(document["stages"], state, now),
        "started": started,
        "seconds": _between(started, until or now.isoformat()),
        "message": _message(document, state),
        "stages": stages,
    }


def _state(document: Mapping[str, Any] | None, *, under_way: bool) -> State:
    if document is None:
        return State.PREPARING
    if document["result"] == "running":
        return State.RUNNING if under_way else State.FAILED
    return State.DONE if document["result"] in {"converged", "degraded"} else State.FAILED


def _stage(stage: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    seconds = stage["seconds"]
    if stage["state"] == "running":
        seconds = _between(stage["started"], now.isoformat())
    error = stage["error"]
    return {
        "name": stage["name"],
        "title": _title(stage),
        "state": stage["state"],
        "seconds": None if seconds is None else round(seconds, 1),
        "attempts": stage["attempts"],
        "code": None if error is None else error["code"],
        "hint": None if error is None else error.get("advice") or None,
    }


def _percent(stages: Iterable[Mapping[str, Any]], state: State, now: datetime) -> int:
    if state is State.DONE:
        return 100
    known = tuple(stages)
    # with a failure, what was skipped may be what it kept from running
    failed = any(stage["state"] == "failed" for stage in known)
    counted = [stage for stage in known if failed or stage["state"] != "skipped"]
    whole = sum(_expected(stage) for stage in counted)
    done = sum(_expected(stage) * _share(stage, now) for stage in counted)
    return min(99, int(100 * done / whole)) if whole else 0


def _share(stage: Mapping[str, Any], now: datetime) -> float:
    if stage["state"] in _OVER:
        return 1.0
    if stage["state"] != "running":
        return 0.0
    elapsed = _between(stage["started"], now.isoformat()) or 0.0
    return min(_NEARLY, elapsed / _expected(stage))


def _expected(stage: Mapping[str, Any]) -> float:
    return max(float(stage.get("expected") or 0), 1.0)


def _message(document: Mapping[str, Any] | None, state: State) -> str:
    if document is None:
        return "The machine is being prepared."
    stages = document["stages"]
    troubled = [stage for stage in stages if stage["error"] is not None]
    if state is State.FAILED:
        failed = [f"{_title(s)}: {s['error']['code']}" for s in troubled if s["state"] == "failed"]
        return "; ".join(failed) or "The last run was cut off."
    if state is State.DONE:
        without = ", ".join(_title(stage) for stage in troubled)
        return f"Done, without {without}." if without else "Done."
    # what began last is what is new
    running = [stage for stage in stages if stage["state"] == "running"]
    latest = max(running, key=lambda stage: stage["started"] or "", default=None)
    return "" if latest is None else _doing(latest)


def _doing(stage: Mapping[str, Any]) -> str:
    if stage["error"] is not None:
        return f"{_title(stage)}: tries again after {stage['error']['code']}"
    said = plain_words(stage["reason"])
    return f"{_title(stage)}: {said}" if said else _title(stage)


def _title(stage: Mapping[str, Any]) -> str:
    return str(stage.get("title") or stage["name"])


def plain_words(text: str) -> str:
    """One line of what the agent says of its work, without what tells where and on what."""
    line = next(iter(text.splitlines()), "")
    while (shorter := _BRACKETS.sub("", line)) != line:
        line = shorter
    return shortened(_WHERE.sub("", _INTERNAL.sub("…", line)), _WIDTH)


def _between(start: str | None, end: str) -> float | None:
    if start is None:
        return None
    spent = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return round(max(0.0, spent.total_seconds()), 1)
