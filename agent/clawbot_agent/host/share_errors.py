"""Errors of a mounted share, by the kernel's errno."""

import errno
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause

__all__ = [
    "ShareAccessLostError",
    "ShareHungError",
    "ShareServerAwayError",
    "ShareStaleError",
    "share_error",
]


class ShareHungError(ClawbotError):
    """An operation on the mounted share hangs."""

    code = "SHARE_HUNG"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "check the storage account, and port 445 from the instance; the kernel continues by itself "
        "when the file server answers again"
    )


class ShareStaleError(ClawbotError):
    """The mounted share no longer exists on the server, or was replaced there."""

    code = "SHARE_STALE"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = (
        "run 'clawbot-agent run' to mount the share again; it was deleted, restored or failed over"
    )


class ShareServerAwayError(ClawbotError):
    """The file server is unreachable, or refuses connections."""

    code = "SHARE_SERVER_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "check the storage account's state and its network rules (service endpoint "
        "Microsoft.Storage or private endpoint), and Azure's status page"
    )


class ShareAccessLostError(ClawbotError):
    """The server now refuses access to a share that was mounted before."""

    code = "SHARE_ACCESS_LOST"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = (
        "run 'clawbot-agent run' to get new credentials and mount again; the account key was "
        "rotated, the ticket expired or a role was removed"
    )


# the kernel's cifs client: fs/smb/client/smb2maperror.c, fs/smb/client/smb2pdu.c
_STALE: Final = frozenset({errno.ESTALE, errno.EREMCHG})
_AWAY: Final = frozenset(
    {
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN),
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN),
        *(errno.ETIMEDOUT, errno.EREMOTEIO),
    }
)
_REFUSED: Final = frozenset(
    {errno.EKEYEXPIRED, errno.EKEYREVOKED, errno.EKEYREJECTED, errno.ENOKEY}
)


def share_error(path: Path, number: int | None, text: str) -> ClawbotError | None:
    """Return the share error for an errno; None when the errno is not about the share.

    EACCES is not one of them: it may concern a single file.
    """
    message = f"{path}: {text}"
    if number in _STALE:
        return ShareStaleError(message)
    if number in _AWAY:
        return ShareServerAwayError(message)
    return ShareAccessLostError(message) if number in _REFUSED else None
