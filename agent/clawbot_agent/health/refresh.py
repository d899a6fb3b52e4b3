"""Periodic checks of the components, each in a thread of its own.

A check that hangs blocks only its own thread: the component becomes unknown, and no second check of
it starts beside the first.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.errors import ClawbotError, InterruptedRunError
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.board import Cache
from clawbot_agent.host import Host
from clawbot_agent.records.record import RecordError

_LOG: Final = logging.getLogger(__name__)
# what a busy machine may add to a check before the last finding becomes invalid
_SLACK_SECONDS: Final = 5.0

Check = Callable[[Host], Finding]


@dataclass(frozen=True, slots=True)
class Watch:
    """A component and its check.

    Attributes:
        check: may raise.
        every: seconds between two checks.
        limit: seconds that one check may take.
    """

    name: str
    check: Check
    every: float
    limit: float

    @property
    def good_for(self) -> float:
        """Longest time between two findings when nothing hangs, seconds."""
        return self.every + self.limit + _SLACK_SECONDS


def start(watches: Iterable[Watch], *, host: Host, cache: Cache) -> None:
    """Start the threads; they end when `host.limit` is canceled, except one that hangs."""
    watches = tuple(watches)
    for watch in watches:
        cache.expect(watch.name, good_for=watch.good_for)
    for watch in watches:
        target = _Checking(watch, host, cache)
        threading.Thread(target=target, name=f"check-{watch.name}", daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Checking:
    watch: Watch
    host: Host
    cache: Cache

    def __call__(self) -> None:
        stop = self.host.limit.canceled
        while not stop.is_set():
            finding = checked(self.watch, self.host)
            self.cache.put(self.watch.name, finding)
            self.host.clock.wait(stop, self.watch.every)


def checked(watch: Watch, host: Host) -> Finding:
    """Return the finding of one check within its time; an error in it is a finding too."""
    try:
        return watch.check(host.within(watch.limit, label=watch.name))
    except InterruptedRunError:
        return Finding(ComponentState.UNKNOWN, "the sidecar is stopping")
    except (ClawbotError, RecordError) as error:
        return Finding(ComponentState.UNKNOWN, " ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - a defect in one check must not end the others
        _LOG.exception("the check of %s", watch.name)
        return Finding(ComponentState.UNKNOWN, f"defect in the sidecar: {type(error).__name__}")
