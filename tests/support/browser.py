"""A headless browser: Debian's Chromium, driven over the DevTools protocol."""

import base64
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import websocket

from tests.bench import host_setup

__all__ = ["Browser", "browser"]

_PACKAGE: Final = "chromium"
_START_SECONDS: Final = 60
_ANSWER_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.5
# of a mobile phone
_WIDTH: Final = 390
_HEIGHT: Final = 844
_SWITCHES: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--remote-debugging-port=0", "about:blank"),
)


@dataclass(slots=True)
class Browser:
    """One page of the browser."""

    socket: websocket.WebSocket
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Execute a command of the protocol and return its result.

        Raises:
            AssertionError: the browser refuses the command.
        """
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv())
            # events may arrive first
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        """Open a URL; callable once."""
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return an expression's value on the current page; None while the page changes."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found.get("result", {}).get("value")

    def text(self, selector: str) -> str:
        """Return the text of the first matching element; empty without one."""
        found = self.value(f"document.querySelector({json.dumps(selector)})?.innerText")
        return str(found or "")

    def wait(self, holds: Callable[[], bool], *, within: float) -> None:
        """Wait until a condition holds.

        Raises:
            AssertionError: not within that many seconds.
        """
        end = time.monotonic() + within
        while not holds():
            assert time.monotonic() < end, self.text("body")
            time.sleep(_POLL_SECONDS)

    def picture(self, path: Path) -> None:
        """Save a screenshot as PNG."""
        found = self.call("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a new browser and stop it afterwards."""
    host_setup.ensure((_PACKAGE,))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        argv = (_PACKAGE, f"--user-data-dir={profile}", *_SWITCHES)
        with subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield from _connected(Path(profile))
            finally:
                process.terminate()


def _connected(profile: Path) -> Iterator[Browser]:
    port = _port(profile / "DevToolsActivePort")
    targets = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=_ANSWER_SECONDS).json()
    url = next(target for target in targets if target["type"] == "page")["webSocketDebuggerUrl"]
    socket = websocket.create_connection(url, timeout=_ANSWER_SECONDS, suppress_origin=True)
    try:
        found = Browser(socket)
        found.call("Page.enable")
        size = {"width": _WIDTH, "height": _HEIGHT, "deviceScaleFactor": 1, "mobile": True}
        found.call("Emulation.setDeviceMetricsOverride", **size)
        yield found
    finally:
        socket.close()


def _port(file: Path) -> int:
    end = time.monotonic() + _START_SECONDS
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < end, "chromium: not started in time"
        time.sleep(_POLL_SECONDS)
    return int(file.read_text().splitlines()[0])
