"""A client that has the bot remember one text after the other, and when they are on the share."""

import contextlib
import subprocess
import threading
import time
from typing import Final

from tests.drills.ground import Instance
from tests.support.inside import STATE
from tests.support.openclaw_client import DisconnectedError, OpenClaw, OpenClawError

_END_SECONDS: Final = 90.0
# each number that comes in goes out again when all that was written before is on the share
_FLUSHER: Final = f"while read -r number; do sync --file-system {STATE} && echo $number; done"


class Writer:
    """Writes in a thread of its own, from `start` to `stop` or to the end of the connection.

    Args:
        client: connected; only the writer uses it meanwhile.
        label: how each text begins.
        pause: seconds between two texts.
        timeout: seconds that one text may take.
    """

    def __init__(
        self, client: OpenClaw, label: str, *, pause: float = 0.1, timeout: float = 120.0
    ) -> None:
        self._client, self._label = client, label
        self._pause, self._timeout = pause, timeout
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.acknowledged: list[tuple[str, float]] = []
        self.slowest = 0.0

    @property
    def texts(self) -> list[str]:
        """Those that the gateway said it has."""
        return [text for text, _when in self.acknowledged]

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the text that is being written."""
        self._over.set()
        self._thread.join(_END_SECONDS + self._timeout)

    def _write(self) -> None:
        number = 0
        # the connection ends with the machine; the text that was under way may be there or not
        with contextlib.suppress(DisconnectedError, OpenClawError):
            while not self._over.is_set():
                text = f"{self._label} {number}"
                began = time.monotonic()
                self._client.remember(text, timeout=self._timeout)
                self.acknowledged.append((text, time.monotonic()))
                self.slowest = max(self.slowest, time.monotonic() - began)
                number += 1
                self._over.wait(self._pause)


class Flusher:
    """Flushes the machine's state to the share, again and again.

    Args:
        instance: whose.
        writer: what has been acknowledged when a flush begins is safe when it ends.
    """

    def __init__(self, instance: Instance, writer: Writer) -> None:
        self._writer = writer
        self._process = subprocess.Popen(
            instance.vm.enter(_FLUSHER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._flush, daemon=True)
        self.safe = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End at once."""
        self._process.kill()
        self._thread.join(_END_SECONDS)
        self._process.communicate()

    def _flush(self) -> None:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        with contextlib.suppress(OSError, ValueError):
            while True:
                requests.write(f"{len(self._writer.acknowledged)}\n")
                requests.flush()
                answer = answers.readline()
                if not answer:
                    break
                self.safe = int(answer)
