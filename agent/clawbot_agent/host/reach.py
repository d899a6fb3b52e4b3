"""Whether a TCP port answers: what a program that only says "cannot connect" leaves open."""

import errno
import queue
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from clawbot_agent.host.limit import Limit

__all__ = ["Reach", "Reached", "SystemReach"]

_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


class Reached(StrEnum):
    """What came of a connection."""

    OPEN = "open"
    REFUSED = "refused"
    """Somebody is there and does not listen."""
    SILENT = "silent"
    """No answer at all: packets are dropped on the way, or nobody is there."""
    UNREACHABLE = "unreachable"
    """A router or the kernel says that there is no way."""
    NAME_UNKNOWN = "name unknown"
    """DNS knows no such name."""
    DNS_SILENT = "DNS silent"
    """DNS gives no answer."""


class Reach(Protocol):
    """Tries a TCP port."""

    def __call__(self, name: str, port: int, *, timeout: float = 4) -> Reached:
        """Connect to `name`:`port` and hang up; DNS and TCP have `timeout` seconds each."""
        ...


@dataclass(frozen=True, slots=True)
class SystemReach:
    """`Reach` from this machine."""

    limit: Limit

    def __call__(self, name: str, port: int, *, timeout: float = 4) -> Reached:
        """See `Reach`."""
        self.limit.check()
        found = _resolved(name, port, min(timeout, self.limit.remaining()))
        if isinstance(found, Reached):
            return found
        try:
            socket.create_connection(found, min(timeout, self.limit.remaining())).close()
        except TimeoutError:
            return Reached.SILENT
        except ConnectionRefusedError:
            return Reached.REFUSED
        except OSError as error:
            return Reached.UNREACHABLE if error.errno in _UNREACHABLE else Reached.SILENT
        return Reached.OPEN


def _resolved(name: str, port: int, timeout: float) -> tuple[str, int] | Reached:
    """Address of `name`; the C library has no time limit of its own that could be set."""
    answers: queue.SimpleQueue[tuple[str, int] | Reached] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            passing = error.errno == socket.EAI_AGAIN
            answers.put(Reached.DNS_SILENT if passing else Reached.NAME_UNKNOWN)
        except (OSError, UnicodeError):
            answers.put(Reached.NAME_UNKNOWN)
        else:
            answers.put((str(found[0][4][0]), port))

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=timeout)
    except queue.Empty:
        return Reached.DNS_SILENT
