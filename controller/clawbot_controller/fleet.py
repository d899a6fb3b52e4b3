"""Several bots at once: bounded, each for itself; what they share is done by the first."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from clawbot_agent.errors import ClawbotError

__all__ = ["AT_ONCE", "OncePerKey", "for_each"]

AT_ONCE: Final = 10
_KeyT = TypeVar("_KeyT")
_ResultT = TypeVar("_ResultT")
_SiteT = TypeVar("_SiteT")


class OncePerKey(Generic[_KeyT, _ResultT]):
    """Work that many threads need and one does; its error is everybody's."""

    def __init__(self) -> None:
        """See the class."""
        self._lock = threading.Lock()
        self._done: dict[_KeyT, Future[_ResultT]] = {}

    def get(self, key: _KeyT, work: Callable[[], _ResultT]) -> _ResultT:
        """The result of the first `work` for this key; waits while another thread is at it."""
        with self._lock:
            first = key not in self._done
            future = self._done.setdefault(key, Future())
        if first:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to all, raised below
                future.set_exception(error)
        return future.result()


def for_each(
    sites: Mapping[str, _SiteT], work: Callable[[_SiteT], _ResultT], *, at_once: int = AT_ONCE
) -> dict[str, _ResultT | ClawbotError]:
    """Do `work` for each site, by name; an error of one is its outcome and stops no other."""

    def one(site: _SiteT) -> _ResultT | ClawbotError:
        try:
            return work(site)
        except ClawbotError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(1, min(at_once, len(sites)))) as pool:
        outcomes = {name: pool.submit(one, site) for name, site in sites.items()}
        return {name: future.result() for name, future in outcomes.items()}
