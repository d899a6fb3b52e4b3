"""Listening on this machine only."""

import contextlib
import socket
from typing import Final

__all__ = ["listening_on_loopback"]

_BACKLOG: Final = 512
_ADDRESSES: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def listening_on_loopback(port: int) -> tuple[socket.socket, ...]:
    """Sockets that listen on 127.0.0.1 and, when the machine has IPv6, on ::1.

    Both, because "localhost" may become either. Port 0 takes a free one, the same for both.

    Raises:
        OSError: IPv4's cannot be had, or somebody else has IPv6's.
    """
    taken: list[socket.socket] = []
    for family, address in _ADDRESSES:
        try:
            taken.append(_listening(family, address, port))
        except OSError:
            if family is socket.AF_INET or _has(family, address):
                _close(taken)
                raise
            continue
        port = taken[0].getsockname()[1]
    return tuple(taken)


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # a restart must not wait for the connections of the one before
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _has(family: socket.AddressFamily, address: str) -> bool:
    """Whether the machine has this address at all."""
    with contextlib.suppress(OSError):
        _listening(family, address, 0).close()
        return True
    return False


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
