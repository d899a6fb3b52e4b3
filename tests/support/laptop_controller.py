"""`clawbot-controller` for the blocks of the docs: a server that forks one process for each call.

Loading Microsoft's SDK takes longer than most commands; the server loads it once. Each call brings
its arguments, directory, environment and the file descriptors of its terminal, as the kernel would
at an exec. The environment variable `AZURE_STAND_IN` names a file with where the stand-in for Azure
is, and the tokens that it accepts (`tests.support.laptop`).

    python -m tests.support.laptop_controller SOCKET
"""

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from azure.core.credentials import AccessToken

from clawbot_controller.azure.cloud import Cloud
from clawbot_controller.cli import bots, main

__all__ = ["CLIENT", "VARIABLE"]

VARIABLE: Final = "AZURE_STAND_IN"

# the program that users of the server start: the standard library only, so that it starts at once
CLIENT: Final = """\
#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = {{"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ)}}
    socket.send_fds(server, [json.dumps(call).encode() + b"\\n"], [0, 1, 2])
    sys.exit(int(server.makefile().readline() or 70))
"""

_LOOPBACK: Final = "127.0.0.1"
# waits of the controller are not what these tests are about
_LONGEST_SLEEP: Final = 0.003
_CALL_BYTES: Final = 1 << 20


class _Tokens:
    """A credential with the tokens that the stand-in issued beforehand, by scope."""

    def __init__(self, tokens: dict[str, str]) -> None:
        self._tokens = tokens

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - azure-core's protocol
        """Return the token for the first scope."""
        return AccessToken(self._tokens[scopes[0]], int(time.time()) + 3600)


def serve(path: Path) -> None:
    """Answer calls at a socket until the process is ended."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        while True:
            connection, _ = server.accept()
            with connection:
                call, descriptors = _received(connection)
                child = os.fork()
                if child == 0:
                    _become(call, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                _, status = os.waitpid(child, 0)
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, descriptors, _, _ = socket.recv_fds(connection, _CALL_BYTES, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(_CALL_BYTES)
    call: dict[str, Any] = json.loads(data)
    return call, list(descriptors)


def _become(call: dict[str, Any], descriptors: list[int]) -> None:
    """Be the program that was called; does not return."""
    code = 70
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.chdir(call["cwd"])
        os.environ.clear()
        os.environ.update(call["env"])
        sys.argv = call["argv"]
        _use_stand_in(json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8")))
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _use_stand_in(found: dict[str, Any]) -> None:
    resolve, names = socket.getaddrinfo, tuple(found["names"])

    def resolved(host: Any, port: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - as the function it replaces
        if str(host).endswith(names):
            host, port = _LOOPBACK, found["port"]
        return resolve(host, port, *rest, **options)

    cloud = Cloud(
        credential=_Tokens(found["tokens"]),
        verify=found["ca_file"],
        poll_seconds=_LONGEST_SLEEP,
        sleep=lambda seconds: time.sleep(min(seconds, _LONGEST_SLEEP)),
    )
    socket.getaddrinfo = resolved
    bots.azure = lambda: cloud


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
