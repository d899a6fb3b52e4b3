"""What a build or a pull tells while it works: kept for the error, told to the operator."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clawbot_agent.host import Host

__all__ = ["Progress"]

_KEPT_LINES: Final = 40
_LONGEST_LINE: Final = 4_096
_SECONDS_BETWEEN: Final = 5.0
_MEGABYTE: Final = 1_000_000
_STEP: Final = re.compile(r"^Step (\d+/\d+) : ")
# our Dockerfile names its longer steps with a no-op
_NAMED_STEP: Final = re.compile(r"^Step (\d+/\d+) : RUN : ([^;]*);")
# what the engine and npm say about themselves
_ENGINE_LINES: Final = (" ---> ", "Removing intermediate")
_DULL_LINES: Final = (*_ENGINE_LINES, "npm http ", "npm notice")
_FETCHED: Final = "npm http fetch GET 200 "
# the engine marks what a step wrote to its standard error; it has a line of its own
# (moby/moby, pkg/streamformatter: NewStderrWriter)
_FROM_STDERR: Final = "\x1b[91m"
# a bar that is drawn again and again ends with a return
_LINE_END: Final = re.compile(r"[\r\n]")
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
    _begun: dict[bool, str] = field(default_factory=dict)
    _layers: dict[str, int] = field(default_factory=dict)
    _told_at: float = float("-inf")

    def follow(self, messages: Iterator[Mapping[str, Any]]) -> str | None:
        """Read all messages; what the engine said when it failed, else None."""
        for message in messages:
            if "error" in message:
                self.error = _COLOURS.sub("", str(message["error"]))
            self._piece(str(message.get("stream", "")))
            if "progressDetail" in message:
                self._layer(message)
        self._end_lines()
        return self.error

    def _piece(self, piece: str) -> None:
        """Take what one write(2) of a step gave: part of a line, or several."""
        from_stderr = piece.startswith(_FROM_STDERR)
        text = _COLOURS.sub("", piece)
        if _STEP.match(text) or text.startswith(_ENGINE_LINES):
            self._end_lines()
        *lines, begun = _LINE_END.split(self._begun.pop(from_stderr, "") + text)
        for line in lines:
            self._line(line)
        self._begun[from_stderr] = begun[-_LONGEST_LINE:]

    def _end_lines(self) -> None:
        for line in self._begun.values():
            self._line(line)
        self._begun.clear()

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
        elif not line.startswith(_DULL_LINES):
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
