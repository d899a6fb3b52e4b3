"""The web server: waitress, with bounds for everything a client could ask for too much of."""

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["WebServer"]

_THREADS: Final = 4
_BOUNDS: Final[dict[str, Any]] = {
    # each connection is a file descriptor; more wait in the kernel's queue
    "connection_limit": 200,
    "channel_timeout": 20,
    "cleanup_interval": 5,
    "max_request_header_size": 16384,
    "max_request_body_size": 1024,
    "ident": "",
    # select() knows no descriptor above 1023
    "asyncore_use_poll": True,
    # clients that go away are no news
    "log_socket_errors": False,
}


class WebServer:
    """Serves an application on sockets that listen already, in threads of its own."""

    def __init__(self, app: "WSGIApplication", sockets: tuple[socket.socket, ...]) -> None:
        """Take the sockets over."""
        from waitress.server import create_server  # noqa: PLC0415 - the tests of the rest need none

        # a queue of requests is what the bounds are there for; not a line in the journal for each
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._server = create_server(app, sockets=list(sockets), threads=_THREADS, **_BOUNDS)
        self._thread = threading.Thread(target=self._server.run, name="server", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended by a defect."""
        return self._thread.is_alive()
