"""Messages between the agent and its worker process: length in four bytes, then JSON."""

import json
import struct
from typing import Final

__all__ = ["HEADER", "framed"]

HEADER: Final = struct.Struct("!I")


def framed(document: object) -> bytes:
    """One message."""
    body = json.dumps(document).encode()
    return HEADER.pack(len(body)) + body
