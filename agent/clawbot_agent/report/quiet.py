"""A run that happens every few minutes is worth telling only when something happens in it."""

from typing import Final

from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.records.status import Result, RunStatus, State

__all__ = ["Reticent"]

_NEWS: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.FAILURES_FORGOTTEN})
_NO_NEWS: Final = frozenset({State.UNCHANGED, State.SKIPPED})


class Reticent:
    """Holds a run's events back until one of them is news, then passes on all of them.

    Args:
        observer: who gets them.
        end: also tell that a run without any news has ended; else nothing at all is told.
    """

    def __init__(self, observer: Observer, *, end: bool) -> None:
        """See the class."""
        self._observer = observer
        self._end = end
        self._held: list[tuple[Event, RunStatus]] | None = []

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Pass on or hold back."""
        if self._held is not None and not _is_news(event, status):
            if event.kind is Kind.RUN_FINISHED:
                if self._end:
                    self._observer(event, status)
            else:
                self._held.append((event, status))
            return
        held, self._held = self._held or [], None
        for earlier in (*held, (event, status)):
            self._observer(*earlier)


def _is_news(event: Event, status: RunStatus) -> bool:
    if event.kind is Kind.RUN_FINISHED:
        return status.result is not Result.CONVERGED
    if event.kind is Kind.STAGE_FINISHED:
        return status.stage(event.stage or "").state not in _NO_NEWS
    return event.kind in _NEWS
