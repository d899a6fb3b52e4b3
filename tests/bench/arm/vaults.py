"""Microsoft.KeyVault: vaults, which after deletion are kept for some time and block their name."""

from typing import Any, ClassVar, Final

from tests.bench.arm.calls import Call, Style, accepted, merged, same_location
from tests.bench.arm.errors import ArmError, bad, conflict
from tests.bench.arm.kinds import Kind
from tests.bench.arm.network import references
from tests.bench.arm.operations import Status
from tests.bench.arm.rights import assigned
from tests.bench.arm.world import Resource, World
from tests.bench.azure import LOCATION, SUBSCRIPTION_ID, TENANT_ID
from tests.bench.azure.messages import Reply, json_reply
from tests.bench.azure.secret_store import SecretStore
from tests.bench.azure.tokens import Token

VAULTS: Final = "Microsoft.KeyVault/vaults"
_DELETED: Final = "Microsoft.KeyVault/locations/deletedVaults"
_VERSION: Final = "2023-07-01"


class Vaults(Kind):
    """Key vaults."""

    name = VAULTS
    style = Style.BODY
    deletes: ClassVar[Style | None] = Style.PROMPT

    def validate(self, call: Call, body: dict[str, Any], *, partial: bool = False) -> None:
        """Require a globally unused name; purge protection cannot be disabled."""
        super().validate(call, body, partial=partial)
        name, properties = call.target.name, body.get("properties", {})
        for item in call.world.of_type(VAULTS):
            if item.name.lower() == name.lower() and item.id.lower() != call.target.id.lower():
                message = (
                    f"The vault name '{name}' is already in use. Vault names are globally unique."
                )
                raise conflict("VaultAlreadyExists", message)
        if properties.get("enablePurgeProtection") is False:
            message = 'The property "enablePurgeProtection" cannot be set to false.'
            raise bad(message, "BadRequest")
        if properties.get("tenantId", TENANT_ID) != TENANT_ID:
            message = "The tenant ID of the vault is not the subscription's."
            raise bad(message, "BadRequest")

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Create a vault, or recover it with `createMode`."""
        same_location(body, old)
        content = super().made(call, body, old)
        properties = content["properties"]
        references(call, properties.get("networkAcls", {}))
        mode = properties.pop("createMode", "default")
        deleted = call.world.deleted_vaults.get(call.target.name.lower())
        if old is None and deleted is not None and mode != "recover":
            message = (
                f"A vault with the same name already exists in deleted state. You need to either "
                f"recover or purge existing key vault '{call.target.name}'."
            )
            raise conflict("ConflictError", message)
        if deleted is not None and deleted.id.lower() != call.target.id.lower():
            message = f"The deleted vault '{call.target.name}' was in another resource group."
            raise conflict("ConflictError", message)
        kept = deleted.content if deleted and old is None else {}
        defaults = {"softDeleteRetentionInDays": 90, "enableSoftDelete": True}
        given = {**content, "properties": {**defaults, **properties}}
        if kept:
            given = merged(kept, {**content, "properties": properties})
        given["properties"]["vaultUri"] = f"https://{call.target.name}.vault.azure.net/"
        return given

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:  # noqa: ARG002 - the base class's signature
        """Attach new secrets, or those of a recovered vault."""
        deleted = call.world.deleted_vaults.pop(new.name.lower(), None)
        if deleted is not None:
            new.private = deleted.private
        new.private.setdefault("secrets", SecretStore(new.name, call.world.clock))

    def removed(self, call: Call, found: Resource) -> None:
        """Keep the deleted vault for a recovery."""
        call.world.deleted_vaults[found.name.lower()] = found

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the vault with its specific provisioning state."""
        shown = super().shown(call, resource)
        if resource.state in {"Creating", "Updating"}:
            shown["properties"]["provisioningState"] = "RegisteringDns"
        return shown


class DeletedVaults(Kind):
    """Deleted vaults, which can be recovered or purged."""

    name = _DELETED
    tracked = False
    more_versions = (_VERSION,)

    def get(self, call: Call) -> Reply:
        """Return a deleted vault."""
        return json_reply(200, _deleted(call, _find(call)))

    def put(self, call: Call) -> Reply:  # noqa: ARG002 - the base class's signature
        """Refuse: deleted vaults cannot be created."""
        raise ArmError(405, "MethodNotAllowed", "Deleted vaults cannot be made.")

    def act(self, call: Call, action: str) -> Reply:
        """Purge a deleted vault."""
        if action.lower() != "purge" or call.request.method != "POST":
            return super().act(call, action)
        found = _find(call)
        if found.properties.get("enablePurgeProtection"):
            message = f"Purge protection is enabled on the deleted vault '{found.name}'."
            raise conflict("DeletedVaultPurge", message)

        def finish(outcome: Status) -> None:
            if outcome is Status.DONE:
                call.world.deleted_vaults.pop(found.name.lower(), None)

        operation = call.world.operations.start(finish, fault=call.fault)
        return accepted(call, operation, with_status=False)


class DeletedVaultList(Kind):
    """Return all deleted vaults."""

    name = "Microsoft.KeyVault/deletedVaults"
    tracked = False
    more_versions = (_VERSION,)

    def list(self, call: Call) -> Reply:
        """Return all deleted vaults."""
        found = [_deleted(call, item) for item in call.world.deleted_vaults.values()]
        return json_reply(200, {"value": found})


class NameCheck(Kind):
    """Checks of the availability of vault names."""

    name = "Microsoft.KeyVault/checkNameAvailability"
    tracked = False
    more_versions = (_VERSION,)

    def answer(self, call: Call) -> Reply:
        """Answer whether a name is available, also regarding deleted vaults."""
        name = str(call.json().get("name", "")).lower()
        names = {item.name.lower() for item in call.world.of_type(VAULTS)}
        if name not in names | set(call.world.deleted_vaults):
            return json_reply(200, {"nameAvailable": True})
        message = f"The name '{name}' is already in use."
        answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": message}
        return json_reply(200, answer)


class VaultDoor:
    """The interface for the vaults' data service: existing vaults, and rights on their secrets.

    Args:
        world: what exists.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def secrets_of(self, vault: str) -> SecretStore | None:
        """Return the secrets of a vault; None if it does not exist."""
        found = self._find(vault)
        store: SecretStore | None = found.private["secrets"] if found else None
        return store

    def allowed(self, vault: str, token: Token, action: str, name: str) -> bool:
        """Return whether a caller may use a secret, or without a name their list."""
        found = self._find(vault)
        if found is None or not found.properties.get("enableRbacAuthorization"):
            return False
        scope = f"{found.id}/secrets/{name}" if name else found.id
        with self._world.lock:
            return assigned(self._world, token.object_id, action, scope, data=True)

    def _find(self, vault: str) -> Resource | None:
        with self._world.lock:
            found = [item for item in self._world.of_type(VAULTS) if item.name.lower() == vault]
        return found[0] if found else None


def _find(call: Call) -> Resource:
    found = call.world.deleted_vaults.get(call.target.name.lower())
    if found is None:
        message = f"The specified deleted vault '{call.target.name}' does not exist."
        raise ArmError(404, "DeletedVaultNotFound", message)
    return found


def _deleted(call: Call, found: Resource) -> dict[str, Any]:
    del call
    location = found.content.get("location", LOCATION)
    place = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/locations/{location}"
    return {
        "id": f"{place}/deletedVaults/{found.name}",
        "name": found.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": {
            "vaultId": found.id,
            "location": location,
            "tags": found.content.get("tags", {}),
            "deletionDate": "2026-11-01T00:00:00Z",
            "scheduledPurgeDate": "2027-02-01T00:00:00Z",
            "purgeProtectionEnabled": bool(found.properties.get("enablePurgeProtection")),
        },
    }
