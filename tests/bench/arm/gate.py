"""Checks before a request reaches its resource: version and rights."""

from typing import Final

from tests.bench.arm.calls import Call
from tests.bench.arm.errors import ArmError, bad, forbidden
from tests.bench.arm.kinds import Kind
from tests.bench.arm.paths import parse
from tests.bench.arm.rights import may
from tests.bench.azure.messages import Request
from tests.bench.azure.tokens import Token

_VERBS: Final = {
    "GET": "read",
    "HEAD": "read",
    "PUT": "write",
    "PATCH": "write",
    "DELETE": "delete",
}


def check_version(kind: Kind, version: str, action: str | None) -> None:
    """Refuse an unknown version.

    Raises:
        ArmError: 400.
    """
    allowed = (*kind.versions, *kind.action_versions.get((action or "").lower(), ()))
    if version in allowed:
        return
    known = "', '".join(sorted(set(allowed)))
    if kind.name.startswith("Microsoft.Resources/"):
        message = f"The api-version '{version}' is invalid. The supported versions are '{known}'."
        raise bad(message, "InvalidApiVersionParameter")
    namespace, _, rest = kind.name.partition("/")
    message = (
        f"No registered resource provider found for location 'eastus' and API version '{version}' "
        f"for type '{rest}' in '{namespace}'. The supported api-versions are '{known}'."
    )
    raise bad(message, "NoRegisteredProviderFound")


def check_right(call: Call, kind: Kind, action: str | None) -> None:
    """Refuse a caller without a role.

    Raises:
        ArmError: 403 AuthorizationFailed.
    """
    wanted = action_of(call.request.method, kind.name, action)
    who = call.token.object_id
    if not may(call.world, who, wanted, call.target.id):
        raise forbidden(
            client_id=call.token.client_id, object_id=who, action=wanted, scope=call.target.id
        )


def action_of(method: str, type_name: str, action: str | None) -> str:
    """Return the action of a request, as in role definitions."""
    if method == "POST":
        return f"{type_name}/{action}/action" if action else f"{type_name}/action"
    return f"{type_name}/{_VERBS.get(method, 'read')}"


def refused(request: Request, token: Token) -> ArmError:
    """Return the refusal of a request that the knobs forbid for all callers."""
    target = parse(request.path)
    action = action_of(request.method, target.parent_type or target.type_name, target.step)
    return forbidden(
        client_id=token.client_id, object_id=token.object_id, action=action, scope=target.id
    )
