"""A run that happens every few minutes is reported only when something happens in it."""

from typing import Final

from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.records.run import Result, RunStatus, StageState

_NEWS: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_WAITING, Kind.FAILURES_FORGOTTEN})
_NO_NEWS: Final = frozenset({StageState.UNCHANGED, StageState.SKIPPED})


class Quiet:
    """Buffers a run's events until one of them is news, then passes on all of them.

    Args:
        observer: receives the events.
        end: also pass on the end of a run without news; else such a run is not reported at all.
    """

    def __init__(self, observer: Observer, *, end: bool) -> None:
        self._observer = observer
        self._end = end
        self._buffered: list[tuple[Event, RunStatus]] | None = []

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Pass on or buffer."""
        if self._buffered is not None and not _is_news(event, status):
            if event.kind is Kind.RUN_FINISHED:
                if self._end:
                    self._observer(event, status)
            else:
                self._buffered.append((event, status))
            return
        buffered, self._buffered = self._buffered or [], None
        for earlier in (*buffered, (event, status)):
            self._observer(*earlier)


def _is_news(event: Event, status: RunStatus) -> bool:
    if event.kind is Kind.RUN_FINISHED:
        return status.result is not Result.CONVERGED
    if event.kind is Kind.STAGE_FINISHED:
        return status.stage(event.stage or "").state not in _NO_NEWS
    return event.kind in _NEWS
