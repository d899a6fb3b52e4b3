"""`clawbot-agent serve` where all that it looks at hangs, under load; prints what came of it.

To be run in a mount and a network namespace of its own, so that the real command finds the frozen
ones under the real paths and ports: Docker's and systemd's sockets, the gateway and Caddy accept
and never answer, and what the lease's daemon tells of the share is a read that does not return.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

PORT: Final = 18790
PATH: Final = "/health/azure"
PER_SECOND: Final = 200
CLIENTS: Final = 4
_YARDSTICK_PER_SECOND: Final = 50
_SETTLE_SECONDS: Final = 60
_SETTLED: Final = {"gateway": "failed", "caddy": "failed", "lease": "unknown"}
_LOOPBACK_UP: Final = ("ip", "link", "set", "lo", "up")
_OWN_RUN: Final = ("mount", "-t", "tmpfs", "tmpfs", "/run")
# a machine that booted minutes ago is one whose bot is starting
_UPTIME: Final = "/run/uptime"
_LONG_UP: Final = ("mount", "--bind", _UPTIME, "/proc/uptime")
_TCP: Final = (18789, 80)
_UNIX: Final = ("/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private")
_SERVE: Final = "from clawbot_agent.cli import main; main()"
# the same web server with the same number of threads, and nothing behind it
_YARDSTICK: Final = """
import waitress
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
print("listens on 127.0.0.1:%s" % server.effective_port, flush=True)
server.run()
"""


def freeze() -> None:
    """Everything is there, and nothing answers."""
    for argv in (_LOOPBACK_UP, _OWN_RUN):
        subprocess.run(argv, check=True)
    Path(_UPTIME).write_text("86400.00 86400.00\n")
    subprocess.run(_LONG_UP, check=True)
    for name in ("clawbot", "dbus", "systemd/system"):
        Path("/run", name).mkdir(parents=True)
    os.mkfifo("/run/clawbot/lease.json")
    listeners = [socket.create_server(("127.0.0.1", port)) for port in _TCP]
    for path in _UNIX:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(128)
        listeners.append(listener)
    for listener in listeners:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()


def _accept(listener: socket.socket) -> None:
    held = []
    while True:
        held.append(listener.accept())


def started(stack: ExitStack, *arguments: str) -> tuple["subprocess.Popen[str]", int]:
    """A server and its port."""
    process = stack.enter_context(
        subprocess.Popen((sys.executable, "-c", *arguments), stdout=subprocess.PIPE, text=True)
    )
    stack.callback(process.kill)
    assert process.stdout
    found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found
    return process, int(found[1])


class Client(threading.Thread):
    """Sends requests at a constant rate over one connection, late or not.

    Attributes:
        times: seconds from when each request was due until its answer was there.
        answers: distinct ones, with how often each came.
    """

    def __init__(self, port: int, path: str, *, requests: int, every: float, begin: float) -> None:
        """Ask `requests` times, one `every` so many seconds from `begin` on."""
        super().__init__()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path, self._due = path, [begin + number * every for number in range(requests)]
        self.times: list[float] = []
        self.answers: dict[tuple[int, bytes], int] = {}

    def run(self) -> None:
        """All of them."""
        for due in self._due:
            time.sleep(max(0.0, due - time.monotonic()))
            self._connection.request("GET", self._path)
            response = self._connection.getresponse()
            answer = (response.status, response.read())
            self.times.append(time.monotonic() - due)
            self.answers[answer] = self.answers.get(answer, 0) + 1


def settle() -> None:
    """Return when the sidecar has found out that all hangs.

    Raises:
        AssertionError: it does not.
    """
    end = time.monotonic() + _SETTLE_SECONDS
    while True:
        components = json.loads(_asked("/health"))["components"]
        states = {name: components[name]["state"] for name in _SETTLED}
        if states == _SETTLED:
            return
        assert time.monotonic() < end, components
        time.sleep(0.2)


def load(port: int, yardstick: int, *, requests: int) -> tuple[list[Client], Client]:
    """The sidecar's clients and the yardstick's, at the same time."""
    begin = time.monotonic() + 0.5
    every = CLIENTS / PER_SECOND
    clients = [
        Client(port, PATH, requests=requests // CLIENTS, every=every, begin=begin + n / PER_SECOND)
        for n in range(CLIENTS)
    ]
    count = requests * _YARDSTICK_PER_SECOND // PER_SECOND
    beside = Client(yardstick, "/", requests=count, every=1 / _YARDSTICK_PER_SECOND, begin=begin)
    for client in (*clients, beside):
        client.start()
    for client in (*clients, beside):
        client.join()
    return clients, beside


def _asked(path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def _rss_mb(process: "subprocess.Popen[str]") -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def main(requests: int) -> None:
    """Freeze, serve, ask, and say what came of it as JSON."""
    freeze()
    with ExitStack() as stack:
        sidecar, port = started(stack, _SERVE, "serve")
        _, yardstick = started(stack, _YARDSTICK)
        settle()
        clients, beside = load(port, yardstick, requests=requests)
        answers = [
            (status, body.decode(), count)
            for client in clients
            for (status, body), count in client.answers.items()
        ]
        document = {
            "times": [seconds for client in clients for seconds in client.times],
            "yardstick": beside.times,
            "answers": answers,
            "health": json.loads(_asked("/health")),
            "metrics": _asked("/metrics"),
            "rss_mb": _rss_mb(sidecar),
        }
    print(json.dumps(document))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(int(sys.argv[1]))
