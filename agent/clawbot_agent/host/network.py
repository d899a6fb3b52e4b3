"""TCP: whether a port answers, sockets on the loopback interface, and a bounded web server."""

import contextlib
import errno
import logging
import queue
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Reach", "Reached", "SystemReach", "WebServer", "listening_on_loopback"]

_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


class Reached(StrEnum):
    """The result of a connection attempt."""

    OPEN = "open"
    REFUSED = "refused"
    """The host is up and nothing listens on the port."""
    SILENT = "silent"
    """No answer at all: packets are dropped on the way, or the host is down."""
    UNREACHABLE = "unreachable"
    """A router or the kernel reports that there is no route."""
    NAME_UNKNOWN = "name unknown"
    """DNS knows no such name."""
    DNS_SILENT = "DNS silent"
    """DNS gives no answer."""


class Reach(Protocol):
    """Tries a TCP port."""

    def __call__(self, name: str, port: int, *, timeout: float = 4) -> Reached:
        """Connect to `name`:`port` and close; DNS and TCP have `timeout` seconds each."""
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
    """Return the address of `name`; a thread asks, because getaddrinfo has no timeout."""
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


_BACKLOG: Final = 512
_ADDRESSES: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def listening_on_loopback(port: int) -> tuple[socket.socket, ...]:
    """Return sockets that listen on 127.0.0.1 and, when the machine has IPv6, on ::1.

    Both, because "localhost" can resolve to either. Port 0 takes a free port for both.

    Raises:
        OSError: the port is in use on either address.
    """
    taken: list[socket.socket] = []
    for family, address in _ADDRESSES:
        try:
            taken.append(_listening(family, address, port))
        except OSError:
            if family is socket.AF_INET or _has_address(family, address):
                _close(taken)
                raise
            continue
        port = taken[0].getsockname()[1]
    return tuple(taken)


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # a restart must not wait for connections of the previous process
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _has_address(family: socket.AddressFamily, address: str) -> bool:
    """Return whether the machine has this address at all."""
    with contextlib.suppress(OSError):
        _listening(family, address, 0).close()
        return True
    return False


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


_THREADS: Final = 4
_BOUNDS: Final[dict[str, Any]] = {
    # each connection is a file descriptor; more wait in the kernel's queue
    "connection_limit": 200,
    "channel_timeout": 20,
    "cleanup_interval": 5,
    "max_request_header_size": 16384,
    "max_request_body_size": 1024,
    "ident": "",
    # select() supports no descriptor above 1023
    "asyncore_use_poll": True,
    # clients that disconnect need no log line
    "log_socket_errors": False,
}


class WebServer:
    """Serves an application on listening sockets, in its own threads."""

    def __init__(self, app: "WSGIApplication", sockets: tuple[socket.socket, ...]) -> None:
        """Take the sockets over."""
        from waitress.server import create_server  # noqa: PLC0415 - other users of this module need none

        # the bounds queue requests on purpose: no journal line for each
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._server = create_server(app, sockets=list(sockets), threads=_THREADS, **_BOUNDS)
        self._thread = threading.Thread(target=self._server.run, name="server", daemon=True)

    def start(self) -> None:
        """Start to serve."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the server thread runs; it ends only by a defect."""
        return self._thread.is_alive()
