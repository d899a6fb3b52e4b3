"""Microsoft.Storage: accounts with their keys, the file service, shares."""

import base64
import re
import secrets
from typing import Any, ClassVar, Final

from tests.bench.arm.calls import Call, Style, merged, same_location
from tests.bench.arm.errors import ArmError, bad, conflict, not_found
from tests.bench.arm.kinds import NOTHING, Kind
from tests.bench.arm.network import references
from tests.bench.arm.paths import Target
from tests.bench.arm.world import SUCCEEDED, Resource, World
from tests.bench.azure.messages import Reply, json_reply

ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
FILE_SERVICES: Final = f"{ACCOUNTS}/fileServices"
SHARES: Final = f"{FILE_SERVICES}/shares"
_CREATED: Final = "2026-11-01T00:00:00.0000000Z"
_KEY_BYTES: Final = 64
_SHARE: Final = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_ENDPOINT: Final = "Microsoft.Storage"


class Accounts(Kind):
    """Storage accounts."""

    name = ACCOUNTS
    style = Style.LOCATION
    deletes: ClassVar[Style | None] = Style.PROMPT

    def validate(self, call: Call, body: dict[str, Any], *, partial: bool = False) -> None:
        """Require a globally unused name."""
        super().validate(call, body, partial=partial)
        for item in call.world.of_type(ACCOUNTS):
            if item.name == call.target.name and item.id.lower() != call.target.id.lower():
                message = f"The storage account named {item.name} is already taken."
                raise conflict("StorageAccountAlreadyTaken", message)

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the content with endpoints; allowed subnets need a service endpoint."""
        same_location(body, old)
        content = super().made(call, body, old)
        properties = content.setdefault("properties", {})
        rules = properties.get("networkAcls", {})
        references(call, rules)
        for rule in rules.get("virtualNetworkRules") or []:
            _has_endpoint(call.world, rule["id"])
        properties["primaryLocation"] = content["location"]
        properties["statusOfPrimary"] = "available"
        properties["primaryEndpoints"] = {
            what: f"https://{call.target.name}.{what}.core.windows.net/"
            for what in ("blob", "file", "queue", "table", "dfs")
        }
        return content

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:  # noqa: ARG002 - the base class's signature
        """Create its two keys and its file service."""
        if "keys" not in new.private:
            furnish(call.world, new, [_new_key(), _new_key()])

    def act(self, call: Call, action: str) -> Reply:
        """Return its keys, or regenerate one."""
        if action.lower() not in {"listkeys", "regeneratekey"}:
            return super().act(call, action)
        if call.request.method != "POST":
            raise ArmError(405, "MethodNotAllowed", f"{action} is a POST.")
        keys = call.world.require(call.target.id).private["keys"]
        if action.lower() == "regeneratekey":
            names = [f"key{number}" for number in range(1, len(keys) + 1)]
            wanted = call.json().get("keyName")
            if wanted not in names:
                raise bad(f"keyName: {wanted!r} is none of {names}")
            keys[names.index(wanted)] = _new_key()
        return json_reply(200, {"keys": [_key(at, key) for at, key in enumerate(keys, start=1)]})


class FileServices(Kind):
    """The file service of an account: one, named default, created with it."""

    name = FILE_SERVICES
    tracked = False
    stateful = False

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the body merged into the existing one."""
        return merged(old.content if old else {}, super().made(call, body, old))

    def delete(self, call: Call) -> Reply:
        """Refuse: it is deleted with its account."""
        raise ArmError(405, "MethodNotAllowed", f"{call.target.id} cannot be deleted.")


class Shares(Kind):
    """File shares; deleted ones are kept for some days if the file service is set so."""

    name = SHARES
    tracked = False
    stateful = False

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the content with a quota."""
        if not _SHARE.fullmatch(call.target.name):
            message = f"The specified resource name {call.target.name} contains invalid characters."
            raise bad(message, "InvalidResourceName")
        content = super().made(call, body, old)
        defaults = {
            "shareQuota": 5120,
            "enabledProtocols": "SMB",
            "accessTier": "TransactionOptimized",
        }
        return {**content, "properties": {**defaults, **content.get("properties", {})}}

    def removed(self, call: Call, found: Resource) -> None:
        """Keep the deleted share, if the file service is set so."""
        service = call.world.find(found.id.rpartition("/shares/")[0])
        policy = service.properties.get("shareDeleteRetentionPolicy", {}) if service else {}
        if service and policy.get("enabled"):
            service.private.setdefault("deleted", []).append(found)

    def list(self, call: Call) -> Reply:
        """Return the shares, on request with deleted ones."""
        _require_service(call.world, call.target)
        found = [
            self.shown(call, item) for item in call.world.of_type(SHARES, scope=call.target.id)
        ]
        service = call.world.require(call.target.id)
        if "deleted" in (call.request.parameter("$expand") or ""):
            for item in service.private.get("deleted", []):
                shown = self.shown(call, item)
                shown["properties"].update(deleted=True, version=item.etag)
                found.append(shown)
        return json_reply(200, {"value": found})

    def act(self, call: Call, action: str) -> Reply:
        """Restore a deleted share."""
        if action.lower() != "restore" or call.request.method != "POST":
            return super().act(call, action)
        body = call.json()
        service = call.world.require(call.target.parent)
        kept = service.private.get("deleted", [])
        for item in kept:
            if (item.name, item.etag) == (
                body.get("deletedShareName"),
                body.get("deletedShareVersion"),
            ):
                kept.remove(item)
                call.world.add(item)
                return Reply(200)
        raise ArmError(404, "DeletedShareNotFound", "The specified deleted share does not exist.")

    def delete(self, call: Call) -> Reply:
        """Delete synchronously; a missing share is no error."""
        return super().delete(call) if call.world.find(call.target.id) else NOTHING


class NameCheck(Kind):
    """Checks of the availability of account names."""

    name = "Microsoft.Storage/checkNameAvailability"
    tracked = False
    more_versions = ("2025-01-01",)

    def answer(self, call: Call) -> Reply:
        """Answer whether a name is available."""
        name = call.json().get("name", "")
        taken = any(item.name == name for item in call.world.of_type(ACCOUNTS))
        if not taken:
            return json_reply(200, {"nameAvailable": True})
        message = f"The storage account named {name} is already taken."
        answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": message}
        return json_reply(200, answer)


def furnish(world: World, account: Resource, keys: list[str]) -> None:
    """Create an account's keys and file service."""
    account.private["keys"] = keys
    content: dict[str, Any] = {
        "properties": {"shareDeleteRetentionPolicy": {"enabled": True, "days": 7}}
    }
    identifier = f"{account.id}/fileServices/default"
    world.add(Resource(identifier, FILE_SERVICES, content, SUCCEEDED, world.clock()))


def _key(number: int, value: str) -> dict[str, str]:
    return {
        "creationTime": _CREATED,
        "keyName": f"key{number}",
        "value": value,
        "permissions": "FULL",
    }


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _require_service(world: World, target: Target) -> None:
    if world.find(target.id) is None:
        raise not_found(FILE_SERVICES, target.name, target.group)


def _has_endpoint(world: World, subnet: str) -> None:
    """Refuse a network rule for a subnet that has no service endpoint.

    Raises:
        ArmError: 400 NetworkAclsValidationFailure.
    """
    endpoints = world.require(subnet).properties.get("serviceEndpoints") or []
    if not any(item.get("service", "").startswith(_ENDPOINT) for item in endpoints):
        reason = "SubnetsHaveNoServiceEndpointsConfigured"
        message = f"Validation of network acls failure: {reason}: {subnet}."
        raise bad(message, "NetworkAclsValidationFailure")
