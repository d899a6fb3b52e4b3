"""A client that makes the bot remember texts, and a record of when they are on the share."""

import contextlib
import subprocess
import threading
import time
from typing import Final

from tests.drills.ground import Instance
from tests.support.inside import STATE
from tests.support.openclaw_client import DisconnectedError, OpenClaw, OpenClawError

_END_SECONDS: Final = 90.0
# echoes each number once everything written before it is on the share
_FLUSHER: Final = f"while read -r number; do sync --file-system {STATE} && echo $number; done"


class Writer:
    """Writes in a separate thread, from `start` to `stop` or to the end of the connection.

    Args:
        client: connected, for exclusive use.
        label: prefix of each text.
        pause: time between two texts, in seconds.
        timeout: of one text, in seconds.
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
        """Return the texts that the gateway acknowledged."""
        return [text for text, _when in self.acknowledged]

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current text."""
        self._over.set()
        self._thread.join(_END_SECONDS + self._timeout)

    def _write(self) -> None:
        number = 0
        # the connection ends with the machine; the current text may or may not be stored
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
    """Flushes the machine's bot data to the share repeatedly.

    Args:
        instance: the machine.
        writer: its texts acknowledged before a flush are safe after it.
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
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Stop at once."""
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
