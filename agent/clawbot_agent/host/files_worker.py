"""A process that does file operations for the agent: if the kernel hangs, only it hangs.

`python -m clawbot_agent.host.files_worker` with one end of a socket pair as standard
input; see `guarded_files` for the other end. It ends when that is closed.
"""

import base64
import json
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from clawbot_agent.host.files import FileStat, FileWriteError, SystemFiles
from clawbot_agent.host.frames import HEADER, framed

__all__ = ["answer", "main"]

_PATHS: Final = frozenset({"path", "source", "target"})


def answer(files: SystemFiles, request: dict[str, Any]) -> dict[str, Any]:
    """What came of one request: a value, or how it failed."""
    given = {key: Path(value) if key in _PATHS else value for key, value in request["with"].items()}
    if "data" in given:
        # JSON has no bytes
        given["data"] = base64.b64decode(request["with"]["data"])
    try:
        value = getattr(files, request["do"])(**given)
    except FileWriteError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        return {"refused": error.message, "errno": number}
    except OSError as error:
        return {"failed": error.strerror or str(error), "errno": error.errno}
    return {"value": asdict(value) if isinstance(value, FileStat) else value}


def _received(channel: socket.socket, size: int) -> bytes:
    """`size` bytes; fewer when the other end closed."""
    data = b""
    while len(data) < size and (part := channel.recv(size - len(data))):
        data += part
    return data


def main() -> None:
    """Answer until the agent goes."""
    channel = socket.socket(fileno=0)
    files = SystemFiles()
    channel.sendall(framed("ready"))
    while len(header := _received(channel, HEADER.size)) == HEADER.size:
        request = json.loads(_received(channel, HEADER.unpack(header)[0]))
        channel.sendall(framed(answer(files, request)))


if __name__ == "__main__":
    main()
