"""Why a mount failed: from what mount.cifs wrote and, where that is not enough, from a look.

mount.cifs prints "mount error(NUMBER): words", the number being the kernel's errno
(cifs-utils, mount.cifs.c); which of them stands for which status of the server is in the
kernel's fs/smb/client/smb2maperror.c.
"""

import errno
import re
from typing import Final

from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.share.errors import (
    ShareCifsMissingError,
    ShareKeyWrongError,
    ShareMountFailedError,
    ShareNameUnknownError,
    ShareNotFoundError,
    SharePortBlockedError,
    ShareRoleMissingError,
    ShareTicketExpiredError,
    ShareTicketMissingError,
)
from clawbot_agent.host.network import Reach, Reached
from clawbot_agent.host.share_errors import ShareServerAwayError

__all__ = ["PORT", "mount_failure", "server_failure"]

PORT: Final = 445
_NUMBER: Final = re.compile(r"mount error\((\d+)\)")
_NO_CLIENT: Final = ("unknown filesystem type", "not supported by the system", "helper program")
_NO_NAME: Final = ("could not resolve address", "Unable to find suitable address")
_NETWORK: Final = frozenset(
    {
        *(errno.EINPROGRESS, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.EHOSTUNREACH),
        *(errno.ENETUNREACH, errno.EHOSTDOWN, errno.ECONNABORTED, errno.ECONNRESET),
        *(errno.ENOTCONN, errno.EAGAIN),
    }
)
_ALWAYS: Final[dict[int, type[ClawbotError]]] = {
    errno.ENODEV: ShareCifsMissingError,
    errno.ENOENT: ShareNotFoundError,
}
_WITH_KEY: Final = _ALWAYS | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EKEYEXPIRED, errno.EKEYREJECTED), ShareKeyWrongError
)
_WITH_TICKET: Final = _ALWAYS | {
    errno.EACCES: ShareRoleMissingError,
    errno.EPERM: ShareRoleMissingError,
    errno.ENOKEY: ShareTicketMissingError,
    errno.EKEYEXPIRED: ShareTicketExpiredError,
    errno.EKEYREJECTED: ShareTicketExpiredError,
}


def mount_failure(said: str, *, share: AzureFilesShare, reach: Reach) -> ClawbotError:
    """The error for a mount of `share` that ended with `said` (empty: it was cut off)."""
    found = _NUMBER.search(said)
    number = int(found[1]) if found else 0
    if any(words in said for words in _NO_CLIENT):
        return ShareCifsMissingError(f"{share.unc}: {said}")
    if not said or number in _NETWORK or any(words in said for words in _NO_NAME):
        return server_failure(share, reach(share.host, PORT), said=said)
    meanings = _WITH_KEY if share.auth == "account-key" else _WITH_TICKET
    meaning = meanings.get(number, ShareMountFailedError)
    return meaning(f"{share.unc}: {said}")


def server_failure(share: AzureFilesShare, found: Reached, *, said: str) -> ClawbotError:
    """Which of the things that keep the server from answering it is.

    Args:
        share: the one that does not answer.
        found: what came of a connection to its server's port 445.
        said: what was seen before, in other words; may be empty.
    """
    where = f"{share.host}, port {PORT}"
    tail = f" ({said})" if said else ""
    match found:
        case Reached.NAME_UNKNOWN:
            return ShareNameUnknownError(f"DNS knows no {share.host}{tail}")
        case Reached.DNS_SILENT:
            return ShareNameUnknownError(f"DNS gives no answer for {share.host}{tail}")
        case Reached.SILENT:
            return SharePortBlockedError(f"{where}: no answer{tail}")
        case Reached.REFUSED:
            return ShareServerAwayError(f"{where}: connection refused{tail}")
        case Reached.UNREACHABLE:
            return ShareServerAwayError(f"{where}: no way there{tail}")
    return ShareServerAwayError(f"{where}: it takes connections and does not answer{tail}")
