"""What a mounted share can do to whoever uses it, by what the kernel says."""

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
    """The share is mounted and an operation on it does not come back."""

    code = "SHARE_HUNG"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "the kernel waits for the file server and goes on by itself when that is back; check the "
        "storage account, and port 445 from the instance"
    )


class ShareStaleError(ClawbotError):
    """The mounted share is not the one that is on the server now."""

    code = "SHARE_STALE"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "the share was deleted, restored or failed over: 'clawbot-agent run' mounts it anew"


class ShareServerAwayError(ClawbotError):
    """The file server cannot be reached, or refuses connections."""

    code = "SHARE_SERVER_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "check the storage account's state and its network rules (service endpoint "
        "Microsoft.Storage or private endpoint), and Azure's status page"
    )


class ShareAccessLostError(ClawbotError):
    """The server let the instance mount the share and refuses it now."""

    code = "SHARE_ACCESS_LOST"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = (
        "the account key was rotated, the ticket expired or a role was taken away: "
        "'clawbot-agent run' asks for new credentials and mounts again"
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
    """The error that `number` means on a share; None when it says nothing about the share.

    EACCES is not among them: on a file it may be about that file alone.
    """
    said = f"{path}: {text}"
    if number in _STALE:
        return ShareStaleError(said)
    if number in _AWAY:
        return ShareServerAwayError(said)
    return ShareAccessLostError(said) if number in _REFUSED else None
