"""The subscription, its resource groups, and the providers registered with it."""

from concurrent.futures import Future
from typing import Any, ClassVar, Final

from tests.bench.arm.calls import Call, Style, same_location
from tests.bench.arm.errors import ArmError, bad, wrong_method
from tests.bench.arm.kinds import CORE_VERSIONS, Kind
from tests.bench.arm.operations import in_background
from tests.bench.arm.paths import GROUPS, SUBSCRIPTIONS
from tests.bench.arm.world import Resource
from tests.bench.azure import LOCATION, SUBSCRIPTION_ID, TENANT_ID
from tests.bench.azure.messages import Reply, json_reply

_OF_A_GROUP: Final = {"location", "tags", "managedBy", "properties", "id", "name", "type"}


class Groups(Kind):
    """Resource groups, deleted with all their resources."""

    name = GROUPS
    deletes: ClassVar[Style | None] = Style.LOCATION
    more_versions = CORE_VERSIONS

    def validate(self, call: Call, body: dict[str, Any], *, partial: bool = False) -> None:  # noqa: ARG002 - the base class's signature
        """Check the body, which has no schema: few keys, and a location."""
        if unknown := sorted(set(body) - _OF_A_GROUP):
            raise bad(f"{', '.join(unknown)}: no such property")
        if not partial and not body.get("location"):
            raise bad("The 'location' property is required.", "LocationRequired")
        if body.get("properties"):
            raise bad("properties: are read-only")

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Refuse a change of the location."""
        same_location(body, old)
        return super().made(call, body, old)

    def act(self, call: Call, action: str) -> Reply:
        """List the resources in a group."""
        if action.lower() != "resources" or call.request.method != "GET":
            return super().act(call, action)
        call.world.require(call.target.id)
        return json_reply(200, {"value": _entries(call, call.target.id)})

    def delete_work(self, call: Call, found: Resource) -> Future[Any] | None:
        """Return the work of all resources."""
        started = [
            call.world.kinds[item.type_name.lower()].delete_work(call, item)
            for item in call.world.under(found.id)
            if item is not found
        ]
        waited = [work for work in started if work is not None]
        return in_background(lambda: [work.result() for work in waited]) if waited else None

    def removed(self, call: Call, found: Resource) -> None:
        """Keep the deleted vaults."""
        for item in call.world.under(found.id):
            if item is not found:
                call.world.kinds[item.type_name.lower()].removed(call, item)


class Subscriptions(Kind):
    """The one subscription."""

    name = SUBSCRIPTIONS
    more_versions = ("2016-06-01", "2018-06-01", "2022-12-01", *CORE_VERSIONS)

    def get(self, call: Call) -> Reply:  # noqa: ARG002 - there is one
        """Return the subscription."""
        return json_reply(200, _subscription())

    def list(self, call: Call) -> Reply:  # noqa: ARG002 - there is one
        """Return a list with the subscription."""
        return json_reply(200, {"value": [_subscription()]})

    def act(self, call: Call, action: str) -> Reply:
        """List all resources, or the regions."""
        if action.lower() == "resources":
            return json_reply(200, {"value": _entries(call, call.target.id)})
        return super().act(call, action)


class Providers(Kind):
    """Registration of resource providers, for any namespace."""

    name = "Microsoft.Resources/providers"
    more_versions = CORE_VERSIONS

    def act(self, call: Call, action: str) -> Reply:
        """Register or return a provider: `action` is "register" or empty."""
        namespace = call.target.type_name.partition("/")[0]
        world, key = call.world, namespace.lower()
        if action.lower() == "register" and call.request.method == "POST":
            rest = [name for name in world.knobs["unregistered"] if name.lower() != key]
            if len(rest) != len(world.knobs["unregistered"]):
                world.knobs.change({"unregistered": rest})
                world.registering[key] = int(world.knobs["lro_polls"])
        elif action or call.request.method != "GET":
            raise wrong_method(call.request.method, namespace)
        state = "NotRegistered" if world.unregistered(namespace) else "Registered"
        if world.registering.get(key, 0) > 0:
            world.registering[key] -= 1
            state = "Registering"
        return json_reply(200, self._shown(call, namespace, state))

    def _shown(self, call: Call, namespace: str, state: str) -> dict[str, Any]:
        kinds = [
            kind
            for name, kind in call.world.kinds.items()
            if name.startswith(f"{namespace.lower()}/")
        ]
        if not kinds:
            message = f"The resource namespace '{namespace}' is invalid."
            raise ArmError(404, "InvalidResourceNamespace", message)
        types = [
            {
                "resourceType": kind.name.partition("/")[2],
                "locations": [LOCATION],
                "apiVersions": list(kind.versions),
            }
            for kind in kinds
        ]
        identifier = f"/subscriptions/{SUBSCRIPTION_ID}/providers/{namespace}"
        return {
            "id": identifier,
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": state,
            "resourceTypes": types,
        }


def _entries(call: Call, scope: str) -> list[dict[str, Any]]:
    """Return a resource as in lists of all kinds: without properties."""
    wanted = ("location", "tags", "sku", "kind", "identity", "zones")
    found = []
    for item in call.world.under(scope):
        kind = call.world.kinds[item.type_name.lower()]
        if kind.tracked and item.type_name != GROUPS:
            item.look()
            shown = kind.shown(call, item)
            rest = {name: shown[name] for name in wanted if name in shown}
            found.append({"id": item.id, "name": item.name, "type": item.type_name, **rest})
    return found


def _subscription() -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION_ID}",
        "subscriptionId": SUBSCRIPTION_ID,
        "tenantId": TENANT_ID,
        "displayName": "Bench",
        "state": "Enabled",
        "subscriptionPolicies": {"quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
    }
