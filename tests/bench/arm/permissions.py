"""Microsoft.Authorization: what the caller itself may do at a scope."""

from tests.bench.arm.calls import Call
from tests.bench.arm.kinds import Kind
from tests.bench.azure.messages import Reply, json_reply


class Permissions(Kind):
    """Permissions of the caller: everything except the knob `denied`."""

    name = "Microsoft.Authorization/permissions"
    tracked = False
    stateful = False
    more_versions = ("2022-04-01",)

    def list(self, call: Call) -> Reply:
        """Return one entry, as for an owner."""
        permission = {
            "actions": ["*"],
            "notActions": list(call.world.knobs["denied"]),
            "dataActions": [],
            "notDataActions": [],
        }
        return json_reply(200, {"value": [permission]})
