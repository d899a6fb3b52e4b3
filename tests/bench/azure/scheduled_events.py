"""Scheduled events of the instance metadata service: announced, approved, started.

Shape: MicrosoftDocs/azure-compute-docs, linux/scheduled-events.md. An event starts when it is
approved (POST StartRequests) or at its NotBefore. The caller then applies it to the machine;
`started` says when and why it started. The caller removes a finished event from the knob.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Final

from tests.bench.azure.knobs import Knobs
from tests.bench.azure.messages import Reply, Request, json_reply

__all__ = ["EVENT_VERSIONS", "ScheduledEvents", "scheduled_event"]

EVENT_VERSIONS: Final = (
    *("2017-08-01", "2017-11-01", "2019-01-01", "2019-04-01", "2019-08-01", "2020-07-01"),
)
_SCHEDULED: Final = "Scheduled"
_STARTED: Final = "Started"


def scheduled_event(
    kind: str, *names: str, seconds: float, event_id: str | None = None
) -> dict[str, Any]:
    """Return an event for the knob `events`.

    Args:
        kind: Freeze, Reboot, Redeploy, Preempt or Terminate.
        names: of the virtual machines.
        seconds: until it starts without an approval.
        event_id: default: a random one.
    """
    return {
        "EventId": event_id or str(uuid.uuid4()).upper(),
        "EventType": kind,
        "ResourceType": "VirtualMachine",
        "Resources": list(names),
        "EventStatus": _SCHEDULED,
        "NotBefore": formatdate(time.time() + seconds, usegmt=True),
        "Description": "",
        "EventSource": "Platform",
        "DurationInSeconds": -1,
    }


class ScheduledEvents:
    """The progress of the events in the knob `events`.

    Args:
        knobs: of the metadata service.
        clock: seconds since the epoch.
    """

    def __init__(self, knobs: Knobs, clock: Callable[[], float] = time.time) -> None:
        self._knobs = knobs
        self._clock = clock
        self._lock = threading.Lock()
        self._started: dict[str, dict[str, Any]] = {}
        self._seen: list[dict[str, Any]] = []
        self._incarnation = 1

    def answer(self, request: Request) -> Reply:
        """Answer one request, whose api-version is already checked."""
        if request.method == "POST":
            return self._approve(request)
        with self._lock:
            events = self._present()
            return json_reply(200, {"DocumentIncarnation": self._incarnation, "Events": events})

    def started(self) -> dict[str, dict[str, Any]]:
        """By event id: `at` (seconds since the epoch), `by` ("approval" or "time") and `client`."""
        with self._lock:
            self._present()
            return dict(self._started)

    def _approve(self, request: Request) -> Reply:
        try:
            wanted = [str(one["EventId"]) for one in json.loads(request.body)["StartRequests"]]
        except (ValueError, KeyError, TypeError):
            return json_reply(400, {"error": "Bad request. StartRequests expected"})
        with self._lock:
            known = {event["EventId"] for event in self._present()}
            if not wanted or not set(wanted) <= known:
                return json_reply(400, {"error": "Bad request. Unknown EventId"})
            for event_id in wanted:
                self._start(event_id, by="approval", client=request.client)
        return Reply(200)

    def _present(self) -> list[dict[str, Any]]:
        """Return the current events; increment the document's number if they changed."""
        given: list[Mapping[str, Any]] = self._knobs["events"]
        ids = {event["EventId"] for event in given}
        self._started = {one: how for one, how in self._started.items() if one in ids}
        events = [self._as_it_is(event) for event in given]
        if events != self._seen:
            self._seen, self._incarnation = events, self._incarnation + 1
        return events

    def _as_it_is(self, event: Mapping[str, Any]) -> dict[str, Any]:
        start = event.get("NotBefore")
        if start and parsedate_to_datetime(start).timestamp() <= self._clock():
            self._start(event["EventId"], by="time", client="")
        if event["EventId"] not in self._started:
            return dict(event)
        return {**event, "EventStatus": _STARTED, "NotBefore": ""}

    def _start(self, event_id: str, *, by: str, client: str) -> None:
        self._started.setdefault(event_id, {"at": self._clock(), "by": by, "client": client})
