"""A model of Azure's health probes of an instance, and of the repairs that follow from them.

The Application Health extension (`ApplicationHealthLinux` 2.0, rich states) and the scale set's
automatic repairs, from their documentation and from observation of the extension. It is the client
of `/health/azure` and independent of the agent.
"""

import contextlib
import http.client
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

ADDRESSES: Final = ("::1", "127.0.0.1")
"""The addresses to which "localhost" may resolve."""

TIMEOUT_SECONDS: Final = 30.0
_USER_AGENT: Final = "ApplicationHealthExtension/1.0"
_LARGEST: Final = 1 << 20


class Health(StrEnum):
    """The health in the instance view."""

    INITIALIZING = "Initializing"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    UNKNOWN = "Unknown"


_SAID: Final = {health.value: health for health in (Health.HEALTHY, Health.UNHEALTHY)}
"""The states that an application may report; the other two come from the extension only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The extension's settings, in seconds; defaults and bounds are those of its schema.

    Raises:
        ValueError: the extension's schema rejects them.
    """

    interval: int = 5
    probes: int = 1
    grace: int | None = None

    def __post_init__(self) -> None:
        """Check the bounds."""
        whole = self.interval * self.probes
        inside = (
            5 <= self.interval <= 60,
            1 <= self.probes <= 24,
            whole <= 240,
            self.grace is None or 5 <= self.grace <= 14400,
        )
        if not all(inside):
            msg = f"not within the schema: {self}"
            raise ValueError(msg)

    @property
    def grace_seconds(self) -> int:
        """The time within which an application must report a state first, in seconds."""
        return self.interval * self.probes if self.grace is None else self.grace


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a request; status 0 if there was no answer in time."""

    status: int
    body: bytes = b""
    seconds: float = 0.0

    @classmethod
    def nothing(cls) -> "Reply":
        """Return the result of a request without an answer."""
        return cls(0, b"", TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the extension reads in a reply."""

    health: Health
    metrics: Mapping[str, Any] | None = None


def ask(*, port: int, path: str, address: str, timeout: float = TIMEOUT_SECONDS) -> Reply:
    """Send the extension's request over the loopback interface; redirects are not followed."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    headers = {"Host": f"localhost:{port}", "User-Agent": _USER_AGENT}
    with contextlib.closing(connection):
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return Reply(response.status, response.read(_LARGEST))
        except (OSError, http.client.HTTPException):
            return Reply.nothing()


def read(reply: Reply) -> Reading:
    """Read a reply: 2xx, a JSON object, one of two states; metrics are JSON in a string.

    Metrics are shown even without a state. An invalid body is ignored.
    """
    if not 200 <= reply.status < 300:
        return Reading(Health.UNKNOWN)
    body = _object(reply.body)
    if body is None:
        return Reading(Health.UNKNOWN)
    text = body.get("CustomMetrics")
    metrics = _object(text.encode()) if isinstance(text, str) else None
    if text is not None and not metrics:
        return Reading(Health.UNKNOWN)
    return Reading(_state(body), metrics)


def _state(body: Mapping[str, Any]) -> Health:
    said = body.get("ApplicationHealthState")
    return _SAID.get(said, Health.UNKNOWN) if isinstance(said, str) else Health.UNKNOWN


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@dataclass(slots=True)
class Extension:
    """The extension's process; a reboot starts a new one.

    Attributes:
        shown: the state in the instance view.
        metrics: the substatus of that name; the last one reported.
    """

    settings: Settings
    started: float = 0.0
    shown: Health = Health.INITIALIZING
    metrics: Mapping[str, Any] | None = None
    _grace: bool = True
    _equal: int = 0
    _last: Health | None = None

    def take(self, reply: Reply, *, at: float) -> Health:
        """Process a probe's reply at a time, in seconds; return the state shown after it."""
        reading = read(reply)
        self.metrics = reading.metrics
        self._equal = self._equal + 1 if reading.health is self._last else 1
        self._last = reading.health
        agreed = self._equal >= self.settings.probes
        if self._grace:
            self._within_grace(reading.health, agreed=agreed, at=at)
        elif agreed:
            self.shown = reading.health
        return self.shown

    def _within_grace(self, health: Health, *, agreed: bool, at: float) -> None:
        if agreed and health is not Health.UNKNOWN:
            self._grace = False
            self.shown = health
        elif at - self.started >= self.settings.grace_seconds:
            self._grace = False
            self.shown = Health.UNKNOWN

    def wait(self, reply: Reply) -> float:
        """Return the seconds from this probe's start to the next; a slow answer delays it."""
        return max(float(self.settings.interval), reply.seconds)


@dataclass(slots=True)
class Repairs:
    """The scale set's automatic repairs.

    Attributes:
        grace: seconds after a change of the instance (created, reimaged, updated, started by
            hand) without repairs; a reboot from inside the instance is no such change.
        changed: the time of that change.
        asked: the time at which the replacement was requested; None if it was not.
    """

    grace: float = 600.0
    changed: float = 0.0
    asked: float | None = None
    _bad: frozenset[Health] = field(default=frozenset({Health.UNHEALTHY, Health.UNKNOWN}))

    def __post_init__(self) -> None:
        """Check the bounds, PT10M to PT90M.

        Raises:
            ValueError: out of bounds.
        """
        if not 600 <= self.grace <= 5400:
            msg = f"not within PT10M and PT90M: {self.grace}"
            raise ValueError(msg)

    def take(self, health: Health, *, at: float) -> bool:
        """Process the state shown at a time; return whether a replacement has been requested."""
        due = at - self.changed >= self.grace
        if self.asked is None and due and health in self._bad:
            self.asked = at
        return self.asked is not None


@dataclass(slots=True)
class Watched:
    """An instance with both, and a record of the states shown.

    Attributes:
        shown: (seconds, state) of each change.
        metrics: (seconds, CustomMetrics) of each change.
    """

    extension: Extension
    repairs: Repairs
    shown: list[tuple[float, Health]] = field(default_factory=list)
    metrics: list[tuple[float, Mapping[str, Any] | None]] = field(default_factory=list)

    def take(self, reply: Reply, *, at: float) -> float:
        """Process one probe; return the seconds until the next one."""
        health = self.extension.take(reply, at=at)
        if not self.shown or self.shown[-1][1] is not health:
            self.shown.append((at, health))
        if not self.metrics or self.metrics[-1][1] != self.extension.metrics:
            self.metrics.append((at, self.extension.metrics))
        self.repairs.take(health, at=at)
        return self.extension.wait(reply)

    def rebooted(self, *, at: float) -> None:
        """Restart the extension's process; to the repair policy the instance is unchanged."""
        self.extension = Extension(self.extension.settings, started=at)

    @property
    def states(self) -> list[Health]:
        """Return the states shown, in order."""
        return [health for _, health in self.shown]

    def first(self, health: Health, *, after: float = -math.inf) -> float | None:
        """Return when a state was first shown after a time."""
        return next((at for at, found in self.shown if found is health and at >= after), None)
