"""Microsoft.ManagedIdentity: user-assigned identities."""

import uuid
from typing import Any

from tests.bench.arm.calls import Call, same_location
from tests.bench.arm.kinds import Kind
from tests.bench.arm.world import Resource
from tests.bench.azure import TENANT_ID

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


class Identities(Kind):
    """User-assigned identities."""

    name = IDENTITIES
    stateful = False

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the identity with ids that the directory assigns once."""
        same_location(body, old)
        content = super().made(call, body, old)
        given = (
            old.properties
            if old
            else {
                "tenantId": TENANT_ID,
                "principalId": str(uuid.uuid4()),
                "clientId": str(uuid.uuid4()),
            }
        )
        return {**content, "properties": given}
