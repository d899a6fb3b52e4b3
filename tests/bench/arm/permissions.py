"""Microsoft.Authorization: what the caller itself may do at a scope."""

from tests.bench.arm.calls import Call
from tests.bench.arm.kinds import Kind
from tests.bench.azure.messages import Reply, json_reply


class Permissions(Kind):
    """Of the one who asks: all, but for what the knob `denied` takes away."""

    name = "Microsoft.Authorization/permissions"
    tracked = False
    stateful = False
    more_versions = ("2022-04-01",)

    def list(self, call: Call) -> Reply:
        """One entry, as for an owner."""
        permission = {
            "actions": ["*"],
            "notActions": list(call.world.knobs["denied"]),
            "dataActions": [],
            "notDataActions": [],
        }
        return json_reply(200, {"value": [permission]})
