"""The instance metadata service.

Shape and errors: MicrosoftDocs/azure-compute-docs, instance-metadata-service.md; tokens:
MicrosoftDocs/entra-docs, how-to-use-vm-token.md.

Knobs: ``script`` (statuses for the next token requests), ``delay`` (seconds before every answer),
``down`` (connections are dropped), ``identities`` (list of ``{"client_id", "object_id",
"resource_id"}`` of the instance), ``token_lifetime`` (seconds), ``revoke`` (true revokes every
issued token once), ``events`` (scheduled events, see `scheduled_events`), ``script_events``
(statuses for the next requests about them), ``instance`` (merged over the document). ``started`` is
read-only: which of the events have started, when and why. ``instances`` maps a client address to
the instance there, ``{"name", "vm_id", "hostname", "mac"}``, and ``{"group", "scale_set"}`` if the
resource manager created it; null removes it. ``attached`` maps a client address to that instance's
identities, which replace ``identities``; null removes them.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.azure import CLIENT_ID, IDENTITY_NAME, PRINCIPAL_ID, RESOURCE_GROUP
from tests.bench.azure import SUBSCRIPTION_ID as SUBSCRIPTION
from tests.bench.azure.imds_document import (
    Instance,
    descend,
    document,
    listing,
    load_balancer,
)
from tests.bench.azure.knobs import KnobError, Knobs, split_registrations
from tests.bench.azure.messages import DROP, Reply, Request, json_reply, text_reply
from tests.bench.azure.scheduled_events import EVENT_VERSIONS, ScheduledEvents
from tests.bench.azure.tokens import TokenBook

VERSIONS: Final = (
    *("2017-04-02", "2017-08-01", "2017-12-01", "2018-02-01", "2018-10-01", "2019-02-01"),
    *("2019-03-11", "2019-04-30", "2019-06-01", "2019-06-04", "2019-08-01", "2019-08-15"),
    *("2019-11-01", "2020-06-01", "2020-07-15", "2020-09-01", "2020-10-01", "2020-12-01"),
    *("2021-01-01", "2021-02-01", "2021-03-01", "2021-05-01", "2021-08-01", "2021-10-01"),
    *("2021-11-01", "2021-11-15", "2021-12-13", "2023-07-01", "2023-11-15", "2025-04-07"),
)
_AUDIENCES: Final = (
    "https://vault.azure.net",
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://storage.azure.com",
    "https://graph.microsoft.com",
    "https://monitor.azure.com",
)
_FAULTS: Final = {
    404: {"error": "not_found", "error_description": "Resource not found."},
    410: {"error": "gone", "error_description": "IMDS is going through updates."},
    429: {"error": "too_many_requests", "error_description": "Too many requests"},
}
_FAULT: Final = {
    "error": "unknown_error",
    "error_description": "Failed to retrieve token from the Active directory.",
}
_INSTANCE_KEYS: Final = ("name", "vm_id", "hostname", "mac")
_PLACE_KEYS: Final = ("group", "scale_set")
_NEIGHBOURS: Final = Path("/proc/net/arp")
_RESOURCE_ID: Final = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{IDENTITY_NAME}"
)
_SELECTORS: Final = {
    "client_id": "client_id",
    "object_id": "object_id",
    "msi_res_id": "resource_id",
    "mi_res_id": "resource_id",
}


class Imds:
    """Serves 169.254.169.254.

    Args:
        tokens: issued tokens, shared with the other services.
    """

    def __init__(self, tokens: TokenBook) -> None:
        self._tokens = tokens
        # a reset keeps these: they are not faults
        self._instances: dict[str, dict[str, str]] = {}
        self._attached: dict[str, list[dict[str, str]]] = {}
        self.knobs = Knobs(
            script=[],
            delay=0.0,
            down=False,
            identities=[
                {"client_id": CLIENT_ID, "object_id": PRINCIPAL_ID, "resource_id": _RESOURCE_ID}
            ],
            token_lifetime=86400.0,
            revoke=False,
            events=[],
            script_events=[],
            instance={},
        )
        self._scheduled = ScheduledEvents(self.knobs)

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change; ``revoke`` acts once and stays false."""
        knobs, instances = split_registrations(state, "instances", _INSTANCE_KEYS, _PLACE_KEYS)
        attached = _checked(knobs.pop("attached", {}))
        self.knobs.change(knobs)
        for address, identities in attached.items():
            if identities is None:
                self._attached.pop(address, None)
            else:
                self._attached[address] = identities
        for address, instance in instances.items():
            if instance is None:
                self._instances.pop(address, None)
            else:
                self._instances[address] = instance
        if self.knobs["revoke"]:
            self._tokens.revoke_all()
            self.knobs.change({"revoke": False})

    def snapshot(self) -> dict[str, object]:
        """Return the knobs, the instances and the started events, but no tokens."""
        known = {
            "instances": dict(self._instances),
            "attached": dict(self._attached),
            "started": self._scheduled.started(),
        }
        return {**self.knobs.snapshot(), **known}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        time.sleep(self.knobs["delay"])
        if self.knobs["down"]:
            return DROP
        return _refusal(request) or self._route(request)

    def _route(self, request: Request) -> Reply:
        reply = json_reply(404, {"error": "Not found"})
        match [step for step in request.path.split("/") if step]:
            case ["metadata", "instance", *inner]:
                who = self._instance(request.client)
                content = document(request.client, who, self.knobs["instance"])
                reply = _node(request, content, inner)
            case ["metadata", "identity", "oauth2", "token"]:
                reply = self._token(request)
            case ["metadata", "loadbalancer", *inner]:
                reply = _node(request, load_balancer(request.client), inner)
            case ["metadata", "scheduledevents"]:
                reply = self._events(request)
            case ["metadata", "versions"]:
                reply = json_reply(200, {"apiVersions": list(VERSIONS)})
        return reply

    def _instance(self, client: str) -> Instance:
        if known := self._instances.get(client):
            return Instance(**known)
        mac = _mac_of(client)
        return Instance(mac=mac) if mac else Instance()

    def _events(self, request: Request) -> Reply:
        if request.parameter("api-version") not in EVENT_VERSIONS:
            return _bad_version(request)
        if status := self.knobs.next_status("script_events"):
            return json_reply(status, _FAULTS.get(status, _FAULT))
        return self._scheduled.answer(request)

    def _token(self, request: Request) -> Reply:
        if status := self.knobs.next_status():
            return json_reply(status, _FAULTS.get(status, _FAULT))
        version = request.parameter("api-version")
        # the first version with the managed identity endpoint
        if version not in VERSIONS or version < "2018-02-01":
            return _token_error("invalid_request", "Required api-version missing or unsupported")
        resource = request.parameter("resource")
        if not resource:
            return _token_error("invalid_request", "Required query variable 'resource' is missing")
        if resource.rstrip("/") not in _AUDIENCES:
            reason = f"AADSTS500011: The resource principal named {resource} was not found."
            return _token_error("invalid_resource", reason)
        return self._issue(request, resource)

    def _issue(self, request: Request, resource: str) -> Reply:
        carried = self._attached.get(request.client, self.knobs["identities"])
        found = [item for item in carried if _selected(item, request)]
        if not found:
            return _token_error("invalid_request", "Identity not found")
        if len(found) > 1:
            reason = (
                "Multiple user assigned identities exist, please specify the clientId / "
                "resourceId of the identity in the token request"
            )
            return _token_error("invalid_request", reason)
        client_id = found[0]["client_id"]
        lifetime = self.knobs["token_lifetime"]
        token = self._tokens.issue(
            client_id=client_id,
            resource=resource,
            lifetime=lifetime,
            object_id=found[0].get("object_id", ""),
        )
        content = {
            "access_token": token.value,
            "client_id": client_id,
            "expires_in": str(token.expires - int(time.time())),
            "expires_on": str(token.expires),
            "ext_expires_in": str(int(lifetime)),
            "not_before": str(token.issued),
            "resource": resource,
            "token_type": "Bearer",
        }
        return json_reply(200, content)


def _checked(attached: object) -> dict[str, list[dict[str, str]] | None]:
    if not isinstance(attached, dict):
        message = "attached: must be a mapping of address to identities"
        raise KnobError(message)
    for address, identities in attached.items():
        if not isinstance(identities, list | None):
            message = f"attached.{address}: must be null or a list of identities"
            raise KnobError(message)
    return attached


def _mac_of(client: str) -> str | None:
    """Return the client's MAC address in Azure's notation; None if it is not on the local link."""
    for line in _NEIGHBOURS.read_text().splitlines():
        address, _kind, _flags, mac, *_ = line.split()
        if address == client:
            return mac.replace(":", "").upper()
    return None


def _refusal(request: Request) -> Reply | None:
    identity = request.path.startswith("/metadata/identity/")
    if request.headers.get("metadata", "").lower() != "true":
        if identity:
            return _token_error("bad_request_102", "Required metadata header not specified")
        return _bad("Bad request. Required metadata header not specified")
    if "x-forwarded-for" in request.headers:
        return _bad("Bad request. Requests with an X-Forwarded-For header are not allowed")
    if any(len(values) > 1 for values in request.parameters.values()):
        return _bad("Bad request. A query parameter was specified more than once")
    return None


def _node(request: Request, content: dict[str, Any], steps: list[str]) -> Reply:
    if request.method != "GET":
        return json_reply(405, {"error": "Method not allowed"})
    if request.parameter("api-version") not in VERSIONS:
        return _bad_version(request)
    try:
        node = descend(content, steps)
    except KeyError:
        return json_reply(404, {"error": "Not found"})
    text = request.parameter("format") == "text"
    if isinstance(node, dict | list):
        return text_reply(200, listing(node)) if text else json_reply(200, node)
    if not text:
        return _bad("Bad request. A leaf can only be returned with format=text")
    return text_reply(200, str(node))


def _selected(identity: Mapping[str, str], request: Request) -> bool:
    return all(
        (wanted := request.parameter(name)) is None
        or identity.get(field, "").lower() == wanted.lower()
        for name, field in _SELECTORS.items()
    )


def _bad(reason: str) -> Reply:
    return json_reply(400, {"error": reason})


def _bad_version(request: Request) -> Reply:
    given = request.parameter("api-version")
    problem = "is invalid" if given else "was not specified in the request"
    reason = f"Bad request. api-version {problem}. For more information refer to aka.ms/azureimds"
    return json_reply(400, {"error": reason, "newest-versions": list(VERSIONS[:-4:-1])})


def _token_error(code: str, description: str) -> Reply:
    return json_reply(400, {"error": code, "error_description": description})
