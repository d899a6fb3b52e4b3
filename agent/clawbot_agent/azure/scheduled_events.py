"""What Azure announces to do with the instance, and agreeing to it.

MicrosoftDocs/azure-compute-docs, linux/scheduled-events.md: one may ask every second;
the first request turns the feature on, which takes up to two minutes, and a day without a request
turns it off. An event that is agreed to starts at once, for all machines that it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from clawbot_agent.azure.errors import ImdsRefusedError, ImdsUnavailableError
from clawbot_agent.host.http import GetJson, PostJson

__all__ = ["Announced", "Notice", "agree", "announced"]

_URL: Final = "http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01"
_HEADERS: Final = {"Metadata": "true"}
_OK: Final = 200
_BAD_REQUEST: Final = 400
_AGREE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Notice:
    """One event.

    Attributes:
        kind: Freeze, Reboot, Redeploy, Preempt or Terminate.
        resources: names of the machines that it is about.
        scheduled: it has not started yet.
        not_before: when it starts without anybody's agreement; None once it has started.
    """

    event_id: str
    kind: str
    resources: tuple[str, ...]
    scheduled: bool
    not_before: datetime | None

    def names(self, instance: str) -> bool:
        """Whether it is about the machine called `instance`."""
        return instance.lower() in (name.lower() for name in self.resources)

    def names_only(self, instance: str) -> bool:
        """Whether it is about no other machine."""
        return all(name.lower() == instance.lower() for name in self.resources)


@dataclass(frozen=True, slots=True)
class Announced:
    """One document: it has the same incarnation as long as nothing in it changes."""

    incarnation: int
    notices: tuple[Notice, ...]


def announced(get_json: GetJson, *, timeout: float) -> Announced:
    """Ask; one attempt of `timeout` seconds.

    Raises:
        ImdsUnavailableError: no answer, or not yet.
        ImdsRefusedError: an answer that is no such document.
    """
    answer = get_json(_URL, timeout=timeout, headers=_HEADERS)
    if answer.status != _OK:
        said = f"answered {answer.status}" if answer.status else f"no answer ({answer.problem})"
        msg = f"scheduled events: {said}"
        raise ImdsUnavailableError(msg)
    try:
        notices = tuple(_notice(event) for event in answer.body["Events"])
        return Announced(int(answer.body["DocumentIncarnation"]), notices)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"scheduled events: an answer that is none ({type(error).__name__})"
        raise ImdsRefusedError(msg) from error


def agree(post_json: PostJson, event_id: str) -> None:
    """Let the event start now; one attempt.

    Raises:
        ImdsRefusedError: there is no such event any more.
        ImdsUnavailableError: no answer, or not yet.
    """
    wanted = {"StartRequests": [{"EventId": event_id}]}
    answer = post_json(_URL, wanted, timeout=_AGREE_SECONDS, headers=_HEADERS)
    if answer.status == _OK:
        return
    if answer.status == _BAD_REQUEST:
        msg = f"scheduled events: {event_id} is not known any more"
        raise ImdsRefusedError(msg)
    said = f"answered {answer.status}" if answer.status else f"no answer ({answer.problem})"
    msg = f"scheduled events: to the agreement, {said}"
    raise ImdsUnavailableError(msg)


def _notice(event: Mapping[str, Any]) -> Notice:
    start = event.get("NotBefore")
    return Notice(
        event_id=str(event["EventId"]),
        kind=str(event["EventType"]),
        resources=tuple(str(name) for name in event["Resources"]),
        scheduled=event["EventStatus"] == "Scheduled",
        not_before=_moment(start) if start else None,
    )


def _moment(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
