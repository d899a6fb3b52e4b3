"""What a build or a pull tells while it works: kept for the error, told to the operator."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clawbot_agent.host import Host

__all__ = ["Progress"]

_KEPT_LINES: Final = 40
_SECONDS_BETWEEN: Final = 5.0
_MEGABYTE: Final = 1_000_000
_STEP: Final = re.compile(r"^Step (\d+/\d+) : ")
# our Dockerfile names its longer steps with a no-op
_NAMED_STEP: Final = re.compile(r"^Step (\d+/\d+) : RUN : ([^;]*);")
# what the engine and npm say about themselves
_ENGINE_LINES: Final = (" ---> ", "Removing intermediate", "npm http ", "npm notice")
_FETCHED: Final = "npm http fetch GET 200 "
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(slots=True)
class Progress:
    """Follows the engine's messages.

    Attributes:
        host: gets the notes.
        lines: the last lines that were written.
        error: what the engine said at the end; None while all is well.
    """

    host: Host
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    error: str | None = None
    _fetched: int = 0
    _layers: dict[str, int] = field(default_factory=dict)
    _told_at: float = float("-inf")

    def follow(self, messages: Iterator[Mapping[str, Any]]) -> str | None:
        """Read all messages; what the engine said when it failed, else None."""
        for message in messages:
            if "error" in message:
                self.error = _COLOURS.sub("", str(message["error"]))
            for line in _COLOURS.sub("", str(message.get("stream", ""))).splitlines():
                self._line(line)
            if "progressDetail" in message:
                self._layer(message)
        return self.error

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        if _STEP.match(line):
            # what an earlier step wrote does not explain the failure of a later one
            self.lines.clear()
            if step := _NAMED_STEP.match(line):
                self._note(f"step {step[1]}: {step[2]}", now=True)
        elif line.startswith(_FETCHED):
            self._fetched += 1
            self._note(f"npm: {self._fetched} files fetched")
        elif not line.startswith(_ENGINE_LINES):
            self.lines.append(line)

    def _layer(self, message: Mapping[str, Any]) -> None:
        if message.get("status") != "Downloading":
            return
        done = (message.get("progressDetail") or {}).get("current") or 0
        self._layers[str(message.get("id"))] = int(done)
        self._note(f"pulled {sum(self._layers.values()) / _MEGABYTE:.0f} MB")

    def _note(self, text: str, *, now: bool = False) -> None:
        clock = self.host.clock.monotonic()
        if now or clock - self._told_at >= _SECONDS_BETWEEN:
            self._told_at = clock
            self.host.note(text)
