"""The instance metadata service: the instance itself, and the scheduled events that concern it.

MicrosoftDocs/azure-compute-docs, linux/scheduled-events.md: requests are allowed every second;
the first request turns the feature on, which takes up to two minutes, and a day without a request
turns it off. An approved event starts at once, for all machines that it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from clawbot_agent.azure.errors import ImdsRefusedError, ImdsUnavailableError
from clawbot_agent.host.http import GetJson, PostJson

__all__ = [
    "Announced",
    "InstanceLocation",
    "Notice",
    "agree",
    "announced",
    "instance",
    "instance_name",
]

# versions of the service that every region has
_INSTANCE_URL: Final = "http://169.254.169.254/metadata/instance/compute?api-version=2021-12-13"
_EVENTS_URL: Final = "http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01"
_HEADERS: Final = {"Metadata": "true"}
_OK: Final = 200
_BAD_REQUEST: Final = 400
_APPROVE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class InstanceLocation:
    """The subscription and resource group of the instance."""

    subscription: str
    resource_group: str


def instance(get_json: GetJson) -> InstanceLocation:
    """Return the location of this instance; one attempt.

    Raises:
        ImdsUnavailableError: no answer, or a transient error.
        ImdsRefusedError: an answer without a subscription.
    """
    body = _compute(get_json)
    found = InstanceLocation(
        subscription=str(body.get("subscriptionId") or ""),
        resource_group=str(body.get("resourceGroupName") or ""),
    )
    if not (found.subscription and found.resource_group):
        msg = "the instance metadata service does not say the subscription and resource group"
        raise ImdsRefusedError(msg)
    return found


def instance_name(get_json: GetJson) -> str:
    """Return the instance's name in scheduled events (SCALESET_NUMBER); one attempt.

    Raises:
        ImdsUnavailableError: no answer, or a transient error.
        ImdsRefusedError: an answer without a name.
    """
    name = str(_compute(get_json).get("name") or "")
    if not name:
        msg = "the instance metadata service does not say the instance's name"
        raise ImdsRefusedError(msg)
    return name


def _compute(get_json: GetJson) -> dict[str, Any]:
    answer = get_json(_INSTANCE_URL, timeout=5, headers=_HEADERS)
    if answer.status != _OK:
        said = f"answered {answer.status}" if answer.status else "does not answer"
        msg = f"the instance metadata service {said}"
        raise ImdsUnavailableError(msg)
    return answer.body


@dataclass(frozen=True, slots=True)
class Notice:
    """One scheduled event.

    Attributes:
        kind: Freeze, Reboot, Redeploy, Preempt or Terminate.
        resources: names of the machines that it concerns.
        scheduled: whether it has not started yet.
        not_before: when it starts without approval; None once it has started.
    """

    event_id: str
    kind: str
    resources: tuple[str, ...]
    scheduled: bool
    not_before: datetime | None

    def names(self, instance: str) -> bool:
        """Return whether it concerns the machine named `instance`."""
        return instance.lower() in (name.lower() for name in self.resources)

    def names_only(self, instance: str) -> bool:
        """Return whether it concerns no other machine."""
        return all(name.lower() == instance.lower() for name in self.resources)


@dataclass(frozen=True, slots=True)
class Announced:
    """The current events; `incarnation` changes with every change of them."""

    incarnation: int
    notices: tuple[Notice, ...]


def announced(get_json: GetJson, *, timeout: float) -> Announced:
    """Return the current events; one attempt of `timeout` seconds.

    Raises:
        ImdsUnavailableError: no answer, or a transient error.
        ImdsRefusedError: an answer that is not a document of events.
    """
    answer = get_json(_EVENTS_URL, timeout=timeout, headers=_HEADERS)
    if answer.status != _OK:
        said = f"answered {answer.status}" if answer.status else f"no answer ({answer.problem})"
        msg = f"scheduled events: {said}"
        raise ImdsUnavailableError(msg)
    try:
        notices = tuple(_notice(event) for event in answer.body["Events"])
        return Announced(int(answer.body["DocumentIncarnation"]), notices)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"scheduled events: unreadable answer ({type(error).__name__})"
        raise ImdsRefusedError(msg) from error


def agree(post_json: PostJson, event_id: str) -> None:
    """Approve an event, which starts it now; one attempt.

    Raises:
        ImdsRefusedError: the event no longer exists.
        ImdsUnavailableError: no answer, or a transient error.
    """
    wanted = {"StartRequests": [{"EventId": event_id}]}
    answer = post_json(_EVENTS_URL, wanted, timeout=_APPROVE_SECONDS, headers=_HEADERS)
    if answer.status == _OK:
        return
    if answer.status == _BAD_REQUEST:
        msg = f"scheduled events: {event_id} no longer exists"
        raise ImdsRefusedError(msg)
    said = f"answered {answer.status}" if answer.status else f"no answer ({answer.problem})"
    msg = f"scheduled events: approval, {said}"
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
