"""What can keep the share from being mounted, one class for each thing to do about it."""

from clawbot_agent.core.errors import BRIEF, PATIENT, PROPAGATION, ClawbotError, FailureCause

__all__ = [
    "AzfilesauthMissingError",
    "ShareCifsMissingError",
    "ShareCoveredError",
    "ShareKeyWrongError",
    "ShareMountFailedError",
    "ShareNameUnknownError",
    "ShareNotFoundError",
    "SharePortBlockedError",
    "ShareRoleMissingError",
    "ShareTicketExpiredError",
    "ShareTicketMissingError",
    "ShareTicketRefusedError",
]


class SharePortBlockedError(ClawbotError):
    """Nothing comes back from port 445 of the file server."""

    code = "SHARE_PORT_BLOCKED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "allow outbound TCP 445 in the subnet's network security group and in firewalls on the "
        "way; outside Azure many providers block it"
    )


class ShareNameUnknownError(ClawbotError):
    """DNS does not lead to the file server."""

    code = "SHARE_NAME_UNKNOWN"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = (
        "check share.account and share.suffix; with a private endpoint link its DNS zone "
        "privatelink.file.core.windows.net to the instance's network"
    )


class ShareKeyWrongError(ClawbotError):
    """The file server does not accept the account key."""

    code = "SHARE_KEY_WRONG"
    cause = FailureCause.OPERATOR
    retry = BRIEF
    hint = (
        "put the present key of the storage account into Key Vault (share.key_secret); if it is "
        "the right one, check that the account allows shared keys and NTLMv2, and that its "
        "network rules let the instance's subnet in"
    )


class ShareRoleMissingError(ClawbotError):
    """The file server knows the managed identity and does not let it in, or not yet."""

    code = "SHARE_ROLE_MISSING"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "assign the role 'Storage File Data SMB MI Admin' on the storage account to the bot's "
        "identity (the SMB Share Contributor roles do not do) and check the account's network "
        "rules; a new assignment takes up to ten minutes to work"
    )


class ShareNotFoundError(ClawbotError):
    """The storage account has no such share."""

    code = "SHARE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "create it with 'az storage share-rm create', or correct share.name"


class ShareTicketExpiredError(ClawbotError):
    """The Kerberos ticket of the managed identity is over."""

    code = "SHARE_TICKET_EXPIRED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = (
        "'clawbot-agent refresh-ticket' asks for a new one; check the instance's clock and "
        "'systemctl status clawbot-ticket.timer'"
    )


class ShareTicketMissingError(ClawbotError):
    """There is no Kerberos ticket, or the kernel does not find it."""

    code = "SHARE_TICKET_MISSING"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = (
        "'clawbot-agent refresh-ticket' asks for one; check that USER_UID in "
        "/etc/azfilesauth/config.yaml is its owner and that keyutils is installed"
    )


class ShareTicketRefusedError(ClawbotError):
    """Azure Files gave the managed identity no ticket, or does not yet."""

    code = "SHARE_TICKET_REFUSED"
    cause = FailureCause.OPERATOR
    retry = PROPAGATION
    hint = (
        "enable SMB OAuth on the storage account ('az storage account update --enable-smb-oauth "
        "true') and attach the identity to the scale set"
    )


class AzfilesauthMissingError(ClawbotError):
    """The tool that gets tickets for managed identities is not installed."""

    code = "AZFILESAUTH_MISSING"
    cause = FailureCause.OPERATOR
    hint = (
        "add Microsoft's repository (packages-microsoft-prod.deb of packages.microsoft.com) and "
        "'apt-get install azfilesauth keyutils', or use share.auth: account-key"
    )


class ShareCifsMissingError(ClawbotError):
    """The kernel or the system has no SMB client."""

    code = "SHARE_CIFS_MISSING"
    cause = FailureCause.OPERATOR
    hint = "run 'apt-get install cifs-utils linux-modules-extra-$(uname -r)', then run again"


class ShareCoveredError(ClawbotError):
    """Something else is mounted at the share's path, or its directory has files of its own."""

    code = "SHARE_COVERED"
    cause = FailureCause.OPERATOR
    hint = (
        "unmount or move away what is there, or choose another share.path; the agent mounts "
        "nothing over what is somebody else's"
    )


class ShareMountFailedError(ClawbotError):
    """Mounting failed for a reason that is none of the usual ones."""

    code = "SHARE_MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the message ends with what mount said; 'dmesg | grep -i cifs' may say more"
