"""Commands to a running QEMU over its machine protocol (docs/interop/qmp-spec.txt)."""

import json
import socket
from pathlib import Path
from typing import Any, Final

_TIMEOUT_SECONDS: Final = 10.0


def execute(path: Path, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """Run one command and return its result.

    Raises:
        OSError: nothing listens at `path`, or it closed the connection.
        ValueError: QEMU refused; the message contains its reason.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect(str(path))
        with connection.makefile("rw") as stream:
            # the greeting
            stream.readline()
            for name, content in (("qmp_capabilities", {}), (command, arguments)):
                stream.write(json.dumps({"execute": name, "arguments": content}) + "\n")
                stream.flush()
                answer = _answer(stream.readline, name)
    return answer


def _answer(readline: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    while line := readline():
        reply = json.loads(line)
        if "error" in reply:
            msg = f"{name}: {reply['error']['desc']}"
            raise ValueError(msg)
        if "return" in reply:
            return reply["return"]
    msg = f"{name}: QEMU closed the connection"
    raise ConnectionError(msg)
