"""ARM's common error format, and errors that several kinds of resources return."""

from typing import Final

from tests.bench.azure import TENANT_ID
from tests.bench.azure.messages import Reply, json_reply

FIX: Final = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"


class ArmError(Exception):
    """The refusal of a request.

    Args:
        status: HTTP status.
        code: ARM's, "ResourceNotFound".
        message: for humans.
        headers: in addition to the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def reply(self) -> Reply:
        """Return the answer."""
        return json_reply(self.status, {"error": self.body()}, *self.headers)

    def body(self) -> dict[str, str]:
        """Return the content of "error"."""
        return {"code": self.code, "message": str(self)}


def unauthenticated(*, missing: bool) -> ArmError:
    """Return the error for a missing or invalid token."""
    where = f'Bearer authorization_uri="https://login.windows.net/{TENANT_ID}"'
    code, message = (
        ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if missing
        else ("InvalidAuthenticationToken", "The access token is invalid.")
    )
    return ArmError(401, code, message, ("WWW-Authenticate", where))


def forbidden(*, client_id: str, object_id: str, action: str, scope: str) -> ArmError:
    """Return the error for a caller without a role."""
    message = (
        f"The client '{client_id}' with object id '{object_id}' does not have "
        f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )
    return ArmError(403, "AuthorizationFailed", message)


def not_found(type_name: str, name: str, group: str | None) -> ArmError:
    """Return the error for a missing resource."""
    message = f"The Resource '{type_name}/{name}' under resource group '{group}' was not found. "
    return ArmError(404, "ResourceNotFound", message + FIX)


def no_group(name: str) -> ArmError:
    """Return the error for a missing resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def bad(message: str, code: str = "InvalidRequestContent") -> ArmError:
    """Return the error for an invalid body."""
    return ArmError(400, code, message)


def conflict(code: str, message: str) -> ArmError:
    """Return the error for a conflict with an existing resource."""
    return ArmError(409, code, message)


def busy(type_name: str, name: str) -> ArmError:
    """Return the error for another operation in progress."""
    message = (
        f"Another operation on this or dependent resource is in progress: {type_name}/{name}. "
        "To retrieve status of the operation use uri of the running operation."
    )
    return conflict("AnotherOperationInProgress", message)


def wrong_method(method: str, type_name: str) -> ArmError:
    """Return the error for an unsupported method."""
    message = f"The requested resource '{type_name}' does not support http method '{method}'."
    return ArmError(405, "MethodNotAllowed", message)
