"""What the instance metadata service says about the instance itself."""

from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.azure.errors import ImdsRefusedError, ImdsUnavailableError
from clawbot_agent.host.http import GetJson

__all__ = ["Instance", "instance", "instance_name"]

# a version of the service that every region has
_URL: Final = "http://169.254.169.254/metadata/instance/compute?api-version=2021-12-13"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Instance:
    """Where the instance is in Azure."""

    subscription: str
    resource_group: str


def instance(get_json: GetJson) -> Instance:
    """Ask; one attempt.

    Raises:
        ImdsUnavailableError: no answer, or not yet.
        ImdsRefusedError: an answer without a subscription.
    """
    body = _asked(get_json)
    found = Instance(
        subscription=str(body.get("subscriptionId") or ""),
        resource_group=str(body.get("resourceGroupName") or ""),
    )
    if not (found.subscription and found.resource_group):
        msg = "the instance metadata service names no subscription and resource group"
        raise ImdsRefusedError(msg)
    return found


def instance_name(get_json: GetJson) -> str:
    """The instance's name, as scheduled events call it (SCALESET_NUMBER); one attempt.

    Raises:
        ImdsUnavailableError: no answer, or not yet.
        ImdsRefusedError: an answer without a name.
    """
    name = str(_asked(get_json).get("name") or "")
    if not name:
        msg = "the instance metadata service does not say the instance's name"
        raise ImdsRefusedError(msg)
    return name


def _asked(get_json: GetJson) -> dict[str, Any]:
    answer = get_json(_URL, timeout=5, headers={"Metadata": "true"})
    if answer.status != _OK:
        said = f"answered {answer.status}" if answer.status else "does not answer"
        msg = f"the instance metadata service {said}"
        raise ImdsUnavailableError(msg)
    return answer.body
