"""Client of the services' control socket: sets state and faults, reads recorded requests.

JSON over HTTP over a unix socket; ``curl --unix-socket`` works too::

    curl --unix-socket azure.sock http://bench/imds -d '{"script": [410, 404, 500]}'
    curl --unix-socket azure.sock http://bench/imds/requests
"""

import http.client
import json
import socket
from pathlib import Path
from typing import Any, Final

_TIMEOUT_SECONDS: Final = 30.0


class ControlError(Exception):
    """The services refused a control request: unknown service, unknown key or bad value."""


class Control:
    """Connects to one running set of services.

    Args:
        socket_path: the ``azure.sock`` in the run directory.
    """

    __slots__ = ("_socket_path",)

    def __init__(self, socket_path: Path | str) -> None:
        self._socket_path = str(socket_path)

    def set(self, service: str, **state: object) -> None:
        """Change a service's state; other keys keep their values.

        Raises:
            ControlError: unknown service or key, or a value of the wrong type.
            OSError: nothing listens on the socket.
        """
        self._call("POST", f"/{service}", state)

    def get(self, service: str) -> dict[str, Any]:
        """Return a service's state; secrets are listed with versions, without values."""
        state: dict[str, Any] = self._call("GET", f"/{service}")
        return state

    def requests(self, service: str) -> list[dict[str, Any]]:
        """Return the requests since the last reset, oldest first.

        Each entry: client (address), method, host, path, query, status, time (seconds since the
        epoch). Status 0: the connection was dropped without an answer.
        """
        recorded: list[dict[str, Any]] = self._call("GET", f"/{service}/requests")
        return recorded

    def reset(self) -> None:
        """Reset every knob and delete the recorded requests; keep secrets and images."""
        self._call("POST", "/reset", {})

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        connection = _UnixConnection(self._socket_path)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ControlError(answer["error"])
        return answer


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("bench", timeout=_TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
