"""Errors of the stage `share`, and how the output of mount.cifs maps to them.

mount.cifs prints "mount error(NUMBER): text", where NUMBER is the kernel's errno (cifs-utils,
mount.cifs.c). The kernel's fs/smb/client/smb2maperror.c maps the server's status codes to errno.
"""

import errno
import re
from typing import Final

from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.errors import BRIEF, PATIENT, PROPAGATION, ClawbotError, FailureCause
from clawbot_agent.host.network import Reach, Reached
from clawbot_agent.host.share_errors import ShareServerAwayError

SMB_PORT: Final = 445


class SharePortBlockedError(ClawbotError):
    """Port 445 of the file server does not answer."""

    code = "SHARE_PORT_BLOCKED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "allow outbound TCP 445 in the subnet's network security group and in all firewalls; "
        "outside Azure, many providers block it"
    )


class ShareNameUnknownError(ClawbotError):
    """DNS does not resolve the file server's name."""

    code = "SHARE_NAME_UNKNOWN"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "check share.account and share.suffix; with a private endpoint, link the DNS zone "
        "privatelink.file.core.windows.net to the instance's network"
    )


class ShareKeyWrongError(ClawbotError):
    """The file server refuses the account key."""

    code = "SHARE_KEY_WRONG"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = (
        "set the secret named in share.key_secret to the storage account's current key; if it is "
        "current, check that the account allows shared keys and NTLMv2 and that its network rules "
        "admit the instance's subnet"
    )


class ShareRoleMissingError(ClawbotError):
    """The file server does not admit the managed identity, or not yet."""

    code = "SHARE_ROLE_MISSING"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "assign the role 'Storage File Data SMB MI Admin' on the storage account to the bot's "
        "identity (the SMB Share Contributor roles do not suffice) and check the account's network "
        "rules; a new assignment takes up to 10 min to work"
    )


class ShareNotFoundError(ClawbotError):
    """The storage account has no such share."""

    code = "SHARE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "create the share with 'az storage share-rm create', or correct share.name"


class ShareTicketExpiredError(ClawbotError):
    """The managed identity's Kerberos ticket has expired."""

    code = "SHARE_TICKET_EXPIRED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = (
        "run 'clawbot-agent refresh-ticket'; if it expires again, check the instance's clock and "
        "'systemctl status clawbot-ticket.timer'"
    )


class ShareTicketMissingError(ClawbotError):
    """The Kerberos ticket does not exist, or the kernel does not find it."""

    code = "SHARE_TICKET_MISSING"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = (
        "run 'clawbot-agent refresh-ticket'; if it persists, check that USER_UID in "
        "/etc/azfilesauth/config.yaml is the ticket's owner and that keyutils is installed"
    )


class ShareTicketRefusedError(ClawbotError):
    """Azure Files issues no ticket to the managed identity, or not yet."""

    code = "SHARE_TICKET_REFUSED"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "enable SMB OAuth on the storage account ('az storage account update --enable-smb-oauth "
        "true') and attach the identity to the scale set"
    )


class AzfilesauthMissingError(ClawbotError):
    """azfilesauth, which gets tickets for managed identities, is not installed."""

    code = "AZFILESAUTH_MISSING"
    cause = FailureCause.OPERATOR
    hint = (
        "add Microsoft's repository (packages-microsoft-prod.deb of packages.microsoft.com) and "
        "run 'apt-get install azfilesauth keyutils', or set share.auth to account-key"
    )


class ShareCifsMissingError(ClawbotError):
    """The kernel or the system has no SMB client."""

    code = "SHARE_CIFS_MISSING"
    cause = FailureCause.OPERATOR
    hint = (
        "run 'apt-get install cifs-utils linux-modules-extra-$(uname -r)', then 'clawbot-agent run'"
    )


class ShareCoveredError(ClawbotError):
    """Another file system is mounted at the share's path."""

    code = "SHARE_COVERED"
    cause = FailureCause.OPERATOR
    hint = "unmount the file system named in the message, or set share.path to another path"


class ShareNotDirectoryError(ClawbotError):
    """The share's path is not a directory."""

    code = "SHARE_NOT_A_DIRECTORY"
    cause = FailureCause.OPERATOR
    hint = "remove what is at the path, or set share.path to the right directory"


class ShareNotWritableError(ClawbotError):
    """The share refuses a write, or returns different content."""

    code = "SHARE_NOT_WRITABLE"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = "check 'findmnt -T PATH' for a read-only mount, and 'df -h' and 'df -i' for free space"


class ShareMountFailedError(ClawbotError):
    """Mounting fails with an error that the agent does not recognize."""

    code = "SHARE_MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "correct what mount reports in the message; see also 'dmesg | grep -i cifs'"


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
_SERVER: Final[dict[Reached, tuple[type[ClawbotError], str]]] = {
    Reached.NAME_UNKNOWN: (ShareNameUnknownError, "DNS has no such name"),
    Reached.DNS_SILENT: (ShareNameUnknownError, "no answer from DNS"),
    Reached.SILENT: (SharePortBlockedError, "no answer"),
    Reached.REFUSED: (ShareServerAwayError, "connection refused"),
    Reached.UNREACHABLE: (ShareServerAwayError, "unreachable"),
    Reached.OPEN: (ShareServerAwayError, "accepts connections, then does not answer"),
}


def mount_failure(output: str, *, share: AzureFilesShare, reach: Reach) -> ClawbotError:
    """Return the error for a failed mount of `share`; an empty `output` means a timeout."""
    found = _NUMBER.search(output)
    number = int(found[1]) if found else 0
    if any(text in output for text in _NO_CLIENT):
        return ShareCifsMissingError(f"{share.unc}: {output}")
    if not output or number in _NETWORK or any(text in output for text in _NO_NAME):
        return server_failure(share, reach(share.host, SMB_PORT), seen=output)
    kinds = _WITH_KEY if share.auth == "account-key" else _WITH_TICKET
    return kinds.get(number, ShareMountFailedError)(f"{share.unc}: {output}")


def server_failure(share: AzureFilesShare, found: Reached, *, seen: str) -> ClawbotError:
    """Return the error for a server that does not answer.

    Args:
        share: on that server.
        found: result of a connection to the server's port 445.
        seen: the symptom, appended to the message; may be empty.
    """
    kind, problem = _SERVER[found]
    return kind(f"{share.host}:{SMB_PORT}: {problem}{f' ({seen})' if seen else ''}")
