"""Actions on container images, and the progress of a build or a pull."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clawbot_agent.core.paths import IMAGE_BUILD_DIR
from clawbot_agent.features.image.errors import (
    ImageBaseNotFoundError,
    ImageDigestMismatchError,
    ImageNotFoundError,
    build_error,
    pull_error,
)
from clawbot_agent.features.image.recipe import Recipe
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError

_KEPT_LINES: Final = 40
_LONGEST_LINE: Final = 4_096
_SECONDS_BETWEEN: Final = 5.0
_MEGABYTE: Final = 1_000_000
_STEP: Final = re.compile(r"^Step (\d+/\d+) : ")
# the Dockerfile names its longer steps with a no-op
_NAMED_STEP: Final = re.compile(r"^Step (\d+/\d+) : RUN : ([^;]*);")
# lines of Docker itself, and of npm
_DOCKER_LINES: Final = (" ---> ", "Removing intermediate")
_DULL_LINES: Final = (*_DOCKER_LINES, "npm http ", "npm notice")
_FETCHED: Final = "npm http fetch GET 200 "
# Docker marks the standard error of a step, which forms lines of its own
# (moby/moby, pkg/streamformatter: NewStderrWriter)
_FROM_STDERR: Final = "\x1b[91m"
# a progress bar ends with a carriage return
_LINE_END: Final = re.compile(r"[\r\n]")
_COLORS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class OldImage:
    """An image that the agent built and does not need now; `name` is a tag, or else the id."""

    name: str
    id: str
    created: int


@dataclass(frozen=True, slots=True)
class PullImage:
    """Pull an image; `as_base` selects the error for a missing one."""

    reference: str
    why: str
    as_base: bool = False

    @property
    def summary(self) -> str:
        """Which and why."""
        return f"pull {self.reference} ({self.why})"

    def apply(self, host: Host) -> None:
        """Pull it.

        Raises:
            ClawbotError: of `errors`.
        """
        try:
            failure = _Progress(host).follow(host.docker.pull(self.reference))
        except DockerCallError as error:
            failure = error.message
        if failure is not None:
            missing = ImageBaseNotFoundError if self.as_base else ImageNotFoundError
            raise pull_error(self.reference, failure, missing=missing)
        found = digests(host.docker.image(self.reference))
        if not has_digest(found, self.reference):
            msg = f"{self.reference}: Docker has {', '.join(found) or 'no digest'} instead"
            raise ImageDigestMismatchError(msg)


@dataclass(frozen=True, slots=True)
class BuildImage:
    """Build an image; an existing one with the same name stays in use until then."""

    recipe: Recipe
    why: str

    @property
    def summary(self) -> str:
        """Which, from what and why."""
        return f"build {self.recipe.tag} on {self.recipe.base} ({self.why})"

    def apply(self, host: Host) -> None:
        """Build it.

        Raises:
            ClawbotError: of `errors`.
        """
        # files of an earlier version of the agent must not be part of this build
        host.files.remove(IMAGE_BUILD_DIR)
        host.files.mkdir(IMAGE_BUILD_DIR, mode=0o755)
        for name, text in self.recipe.files:
            host.files.write(IMAGE_BUILD_DIR / name, text, mode=0o644)
        progress, tag = _Progress(host), self.recipe.tag
        try:
            messages = host.docker.build(IMAGE_BUILD_DIR, tag=tag, labels=self.recipe.labels)
            failure = progress.follow(messages)
        except DockerCallError as error:
            failure = error.message
        if failure is not None:
            raise build_error(tag, failure, tuple(progress.lines))


@dataclass(frozen=True, slots=True)
class RemoveImage:
    """Remove an image that no container uses."""

    reference: str
    why: str

    @property
    def summary(self) -> str:
        """Which and why."""
        return f"remove image {self.reference} ({self.why})"

    def apply(self, host: Host) -> None:
        """Remove it."""
        host.docker.remove_image(self.reference)


def digests(image: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the registry digests of an inspected image."""
    return tuple((image or {}).get("RepoDigests") or ())


def references(image: dict[str, Any]) -> list[str]:
    """Return the tags of a listed image, or else its id."""
    tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
    return tags or [str(image["Id"])]


def has_digest(known: tuple[str, ...], reference: str) -> bool:
    """Return whether the digest in `reference`, if any, is among the known ones."""
    digest = reference.partition("@")[2]
    return not digest or any(one.endswith(f"@{digest}") for one in known)


@dataclass(slots=True)
class _Progress:
    """Follows Docker's messages: notes progress, keeps the last lines for an error.

    Attributes:
        host: gets the notes.
        lines: the last lines that the present step wrote.
    """

    host: Host
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    _fetched: int = 0
    _begun: dict[bool, str] = field(default_factory=dict)
    _layers: dict[str, int] = field(default_factory=dict)
    _noted: float = float("-inf")

    def follow(self, messages: Iterator[Mapping[str, Any]]) -> str | None:
        """Read all messages; return Docker's error message, or None."""
        failure: str | None = None
        for message in messages:
            if "error" in message:
                failure = _COLORS.sub("", str(message["error"]))
            self._piece(str(message.get("stream", "")))
            if "progressDetail" in message:
                self._layer(message)
        self._end_lines()
        return failure

    def _piece(self, piece: str) -> None:
        """Process the data of one write(2) of a step: part of a line, or several lines."""
        from_stderr = piece.startswith(_FROM_STDERR)
        text = _COLORS.sub("", piece)
        if _STEP.match(text) or text.startswith(_DOCKER_LINES):
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
            # output of an earlier step does not explain the failure of a later one
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
        if now or clock - self._noted >= _SECONDS_BETWEEN:
            self._noted = clock
            self.host.note(text)
