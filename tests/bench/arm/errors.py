"""ARM's common error format, and the errors that several kinds of resources answer with."""

from typing import Final

from tests.bench.azure import TENANT_ID
from tests.bench.azure.messages import Reply, json_reply

FIX: Final = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"


class ArmError(Exception):
    """What a request is refused with.

    Args:
        status: of HTTP.
        code: ARM's, "ResourceNotFound".
        message: for people.
        headers: beside the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def reply(self) -> Reply:
        """It as an answer."""
        return json_reply(self.status, {"error": self.body()}, *self.headers)

    def body(self) -> dict[str, str]:
        """What stands below "error"."""
        return {"code": self.code, "message": str(self)}


def unauthenticated(*, missing: bool) -> ArmError:
    """No token, or none that is good."""
    where = f'Bearer authorization_uri="https://login.windows.net/{TENANT_ID}"'
    code, message = (
        ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if missing
        else ("InvalidAuthenticationToken", "The access token is invalid.")
    )
    return ArmError(401, code, message, ("WWW-Authenticate", where))


def forbidden(*, client_id: str, object_id: str, action: str, scope: str) -> ArmError:
    """The caller has no role for this."""
    message = (
        f"The client '{client_id}' with object id '{object_id}' does not have "
        f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )
    return ArmError(403, "AuthorizationFailed", message)


def not_found(type_name: str, name: str, group: str | None) -> ArmError:
    """There is no such resource."""
    message = f"The Resource '{type_name}/{name}' under resource group '{group}' was not found. "
    return ArmError(404, "ResourceNotFound", message + FIX)


def no_group(name: str) -> ArmError:
    """There is no such resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def bad(message: str, code: str = "InvalidRequestContent") -> ArmError:
    """The body is no good."""
    return ArmError(400, code, message)


def conflict(code: str, message: str) -> ArmError:
    """It does not go together with what is there."""
    return ArmError(409, code, message)


def busy(type_name: str, name: str) -> ArmError:
    """Something else is being done to the resource."""
    message = (
        f"Another operation on this or dependent resource is in progress: {type_name}/{name}. "
        "To retrieve status of the operation use uri of the running operation."
    )
    return conflict("AnotherOperationInProgress", message)


def wrong_method(method: str, type_name: str) -> ArmError:
    """Nothing of this kind can be done."""
    message = f"The requested resource '{type_name}' does not support http method '{method}'."
    return ArmError(405, "MethodNotAllowed", message)
