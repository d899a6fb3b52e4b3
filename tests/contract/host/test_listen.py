import socket
from contextlib import ExitStack, closing

import pytest

from clawbot_agent.host.network import listening_on_loopback


def test_both_addresses_listen_on_one_port() -> None:
    with ExitStack() as open_ones:
        found = [open_ones.enter_context(closing(one)) for one in listening_on_loopback(0)]
        names = [one.getsockname()[:2] for one in found]
        port = names[0][1]
        assert names[0] == ("127.0.0.1", port)
        # a machine without IPv6 has the first one only
        assert names[1:] in ([], [("::1", port)])
        for host, _ in names:
            socket.create_connection((host, port), 5).close()


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_port_in_use_is_refused(family: socket.AddressFamily, address: str) -> None:
    """On either address: a request to "localhost" must not reach another program."""
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.bind((address, 0))
        taken.listen()
        with pytest.raises(OSError, match="Address already in use"):
            listening_on_loopback(taken.getsockname()[1])
