"""The progress of a run for readers who may be strangers: no name, path or address of this bot."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from clawbot_agent.core.text import shortened
from clawbot_agent.records.output import Progress, ProgressStage, ProgressState
from clawbot_agent.records.run import Result, RunStatus, StageState, StageStatus

_WIDTH: Final = 120
# of a stage that takes longer than usual: not complete before it is
_NEARLY: Final = 0.95
_OVER: Final = frozenset({StageState.UNCHANGED, StageState.CHANGED, StageState.DEGRADED})
# text in brackets is a reason, mostly with names
_BRACKETS: Final = re.compile(r"\s*\([^()]*\)")
# paths, URLs, networks (no "step 3/9"); addresses of IPv4, IPv6 and mail; identifiers
_INTERNAL: Final = re.compile(
    r"(?<!\S)(?!\d+/\d+\b)\S*/[^\s,;]*|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*|\b[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]*\b|"
    r"\S+@\S+\.[a-z]+\b|\b[0-9a-fA-F]{8}[0-9a-fA-F-]*\b"
)
# a preposition whose object was removed
_WHERE: Final = re.compile(r" (?:at|from|in|into|on|to) …")


def progress(
    status: RunStatus | None, *, now: datetime, under_way: bool, serving: bool
) -> Progress:
    """Return the document of the progress page; its keys are a promise.

    Args:
        status: of a run of this boot; None without one.
        now: wall clock, aware.
        under_way: a process holds the run's lock.
        serving: the bot answers.
    """
    state = _state(status, under_way=under_way)
    if status is None:
        return Progress(state, serving, 0, None, None, "The machine is being prepared.", ())
    return Progress(
        state=state,
        serving=serving,
        percent=_percent(status.stages, state, now),
        started=status.started,
        seconds=_between(status.started, status.finished or now),
        message=_message(status, state),
        stages=tuple(_stage(stage, now) for stage in status.stages),
    )


def _state(status: RunStatus | None, *, under_way: bool) -> ProgressState:
    if status is None:
        return ProgressState.PREPARING
    if status.result is Result.RUNNING:
        return ProgressState.RUNNING if under_way else ProgressState.FAILED
    return ProgressState.DONE if status.result.good else ProgressState.FAILED


def _stage(stage: StageStatus, now: datetime) -> ProgressStage:
    running = stage.state is StageState.RUNNING
    seconds = _between(stage.started, now) if running else stage.seconds
    return ProgressStage(
        name=stage.name,
        title=_title(stage),
        state=stage.state,
        seconds=None if seconds is None else round(seconds, 1),
        attempts=stage.attempts,
        code=None if stage.error is None else stage.error.code,
        hint=None if stage.error is None else stage.error.advice or None,
    )


def _percent(stages: Iterable[StageStatus], state: ProgressState, now: datetime) -> int:
    if state is ProgressState.DONE:
        return 100
    known = tuple(stages)
    # after a failure, skipped stages may be those that it blocked
    failed = any(stage.state is StageState.FAILED for stage in known)
    counted = [stage for stage in known if failed or stage.state is not StageState.SKIPPED]
    whole = sum(_expected(stage) for stage in counted)
    done = sum(_expected(stage) * _part(stage, now) for stage in counted)
    return min(99, int(100 * done / whole)) if whole else 0


def _part(stage: StageStatus, now: datetime) -> float:
    if stage.state in _OVER:
        return 1.0
    if stage.state is not StageState.RUNNING:
        return 0.0
    return min(_NEARLY, (_between(stage.started, now) or 0.0) / _expected(stage))


def _expected(stage: StageStatus) -> float:
    return max(stage.expected, 1.0)


def _message(status: RunStatus, state: ProgressState) -> str:
    troubled = [(stage, stage.error) for stage in status.stages if stage.error is not None]
    if state is ProgressState.FAILED:
        failed = [f"{_title(s)}: {e.code}" for s, e in troubled if s.state is StageState.FAILED]
        return "; ".join(failed) or "The last run was interrupted."
    if state is ProgressState.DONE:
        without = ", ".join(_title(stage) for stage, _error in troubled)
        return f"Done, without {without}." if without else "Done."
    # the one that started last is what is new
    running = [stage for stage in status.stages if stage.state is StageState.RUNNING]
    latest = max(running, key=lambda stage: stage.started or status.started, default=None)
    return "" if latest is None else _doing(latest)


def _doing(stage: StageStatus) -> str:
    if stage.error is not None:
        return f"{_title(stage)}: retrying after {stage.error.code}"
    text = plain_words(stage.reason)
    return f"{_title(stage)}: {text}" if text else _title(stage)


def _title(stage: StageStatus) -> str:
    return stage.title or stage.name


def plain_words(text: str) -> str:
    """Return the first line of a stage's text without names, paths and addresses."""
    line = next(iter(text.splitlines()), "")
    while (shorter := _BRACKETS.sub("", line)) != line:
        line = shorter
    return shortened(_WHERE.sub("", _INTERNAL.sub("…", line)), _WIDTH)


def _between(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else round(max(0.0, (end - start).total_seconds()), 1)
