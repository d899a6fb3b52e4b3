"""Looking at the components again and again, each in a thread of its own.

A look that never comes back costs its own thread and nothing else: the cache says since
when the component is unknown, and no second look at it is started beside the first.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.errors import ClawbotError, InterruptedRunError
from clawbot_agent.health.cache import Cache
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.host import Host

__all__ = ["Watch", "start"]

_LOG: Final = logging.getLogger(__name__)
# what a busy machine may add to a look before the last finding no longer holds
_SLACK_SECONDS: Final = 5.0

Check = Callable[[Host], Finding]


@dataclass(frozen=True, slots=True)
class Watch:
    """A component and how it is looked at.

    Attributes:
        name: of the component.
        check: one look; may raise.
        every: seconds between two looks.
        limit: seconds that one look may take.
    """

    name: str
    check: Check
    every: float
    limit: float

    @property
    def good_for(self) -> float:
        """Longest time between two findings when all is well, seconds."""
        return self.every + self.limit + _SLACK_SECONDS


def start(watches: Iterable[Watch], *, host: Host, cache: Cache) -> None:
    """Begin to look; ends when `host.limit` is cancelled. What is stuck then is left behind."""
    watches = tuple(watches)
    for watch in watches:
        cache.expect(watch.name, good_for=watch.good_for)
    for watch in watches:
        target = _Looking(watch, host, cache)
        threading.Thread(target=target, name=f"look-{watch.name}", daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Looking:
    watch: Watch
    host: Host
    cache: Cache

    def __call__(self) -> None:
        stop = self.host.limit.cancelled
        while not stop.is_set():
            finding = look(self.watch, self.host)
            self.cache.put(self.watch.name, finding)
            self.host.clock.wait(stop, self.watch.every)


def look(watch: Watch, host: Host) -> Finding:
    """One look within its time; what goes wrong with it is a finding too."""
    try:
        return watch.check(host.within(watch.limit, label=watch.name))
    except InterruptedRunError:
        return Finding(State.UNKNOWN, "the sidecar stops")
    except ClawbotError as error:
        return Finding(State.UNKNOWN, " ".join(error.message.split()))
    except Exception as error:  # noqa: BLE001 - a defect in one look must not end the others
        _LOG.exception("the look at %s", watch.name)
        return Finding(State.UNKNOWN, f"defect in the sidecar: {type(error).__name__}")
