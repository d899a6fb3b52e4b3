"""Whether a new instance would be better off: what Azure may be asked for after a failure.

A replacement brings a fresh machine and a fresh disk. It brings the same configuration, the same
roles and secrets, the same memory on the share, and meets the same services.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["CAUSES", "Cause", "cause_of", "replacing_helps"]


class Cause(StrEnum):
    """Where a failure comes from."""

    INSTANCE = "instance"
    """This machine, or what has become of it."""
    UNCERTAIN = "uncertain"
    """Several causes end alike; after a second instance with the same one, nobody asks again."""
    OPERATOR = "operator"
    """Configuration, roles, secrets, sizes: somebody has to change them."""
    OUTSIDE = "outside"
    """A service that every instance needs is away; the timer tries again until it is back."""
    MEMORY = "memory"
    """The bot's memory, which goes from instance to instance, or would be lost with this one."""
    OTHER = "other"
    """Another instance is the bot, or is going to be."""

    @property
    def new_instance_helps(self) -> bool:
        """Whether it may be gone on another instance."""
        return self in {Cause.INSTANCE, Cause.UNCERTAIN}


_TABLE: Final[Mapping[Cause, str]] = {
    Cause.INSTANCE: """
        APT_DISK_FULL APT_LOCK_HELD CADDY_RELOAD_FAILED COMMAND_TIMEOUT DOCKER_CALL_FAILED
        DOCKER_UNAVAILABLE DPKG_FAILED DPKG_INTERRUPTED FILE_READ_FAILED FILE_WORKER_FAILED
        FILE_WRITE_FAILED IMAGE_DISK_FULL IMDS_UNAVAILABLE LEASE_DAEMON_SILENT PORT_IN_USE
        PORT_TAKEN REPAIR_PAUSED SHARE_STALE SHARE_TICKET_EXPIRED SHARE_TICKET_MISSING
        SIDECAR_PORT_TAKEN STATE_IN_USE SYSBOX_CONTAINERS_RUNNING SYSBOX_INSTALL_FAILED
        SYSBOX_RUNTIME_MISSING UNIT_FAILED
    """,
    Cause.UNCERTAIN: """
        APT_FAILED APT_NOT_VALID_YET COMMAND_FAILED COMMAND_MISSING DEADLINE_EXCEEDED
        FIREWALL_REFUSED GATEWAY_EXITED GATEWAY_NOT_READY IMAGE_BUILD_FAILED INTERRUPTED
        MOUNT_FAILED NOT_CONVERGED OPENCLAW_CONFIG_MOVED SHARE_MOUNT_FAILED SIDECAR_SERVER_ENDED
        STATE_COPY_FAILED STATE_MOUNT_FAILED STATE_TOOL_FAILED SYSBOX_SMOKE_FAILED UNEXPECTED
    """,
    Cause.OPERATOR: """
        APT_NO_SIGNATURE APT_PACKAGE_NOT_FOUND ARM_REFUSED ARM_TLS ARM_UNAUTHORIZED
        AZFILESAUTH_MISSING CADDYFILE_INVALID CERTIFICATE_NOT_ACCEPTED CONFIG_REFUSED
        DAEMON_CONFIG_REFUSED DOWNLOAD_NOT_FOUND GATEWAY_CONFIG_REFUSED GATEWAY_OOM
        GATEWAY_STARVED GATEWAY_TOKEN_WEAK
        IDENTITY_NOT_FOUND IMAGE_BASE_NOT_FOUND IMAGE_DIGEST_MISMATCH IMAGE_NOT_FOUND IMAGE_OOM
        IMAGE_PACKAGE_NOT_FOUND IMAGE_START_FAILED IMDS_REFUSED KEYVAULT_FIREWALL
        KEYVAULT_FORBIDDEN KEYVAULT_REFUSED KEYVAULT_SECRET_DISABLED KEYVAULT_SECRET_EMPTY
        KEYVAULT_SECRET_NOT_FOUND KEYVAULT_TLS KEYVAULT_UNAUTHORIZED NPM_VERSION_NOT_FOUND
        OPENCLAW_CONFIG_INVALID OPENCLAW_FRAGMENT_INVALID SECRETS_FILE_EMPTY
        SECRETS_FILE_EXPOSED SECRETS_FILE_MISSING SHA256_MISMATCH SHARE_ACCESS_LOST
        SHARE_CIFS_MISSING SHARE_COVERED SHARE_KEY_WRONG SHARE_NOT_A_DIRECTORY SHARE_NOT_FOUND
        SHARE_NOT_WRITABLE SHARE_ROLE_MISSING SHARE_TICKET_REFUSED STORAGE_ACCOUNT_NOT_FOUND
        STORAGE_KEYS_FORBIDDEN SYSBOX_KERNEL SYSBOX_NO_PACKAGE
    """,
    Cause.OUTSIDE: """
        APT_HASH_MISMATCH APT_MIRROR_UNREACHABLE ARM_THROTTLED ARM_UNREACHABLE DOWNLOAD_FAILED
        DOWNLOAD_INCOMPLETE IMAGE_APT_UNAVAILABLE KEYVAULT_THROTTLED KEYVAULT_UNREACHABLE
        NPM_UNAVAILABLE REGISTRY_THROTTLED REGISTRY_UNAVAILABLE SHARE_HUNG SHARE_NAME_UNKNOWN
        SHARE_PORT_BLOCKED SHARE_SERVER_AWAY
    """,
    Cause.MEMORY: """
        GATEWAY_STATE_REFUSED IMAGE_ARCHIVE_UNUSABLE STATE_IMAGE_DAMAGED STATE_NOT_A_DIRECTORY
        STATE_NO_ROOM STATE_WOULD_BE_HIDDEN
    """,
    Cause.OTHER: "INSTANCE_LEAVING LEASE_HELD LEASE_LOST LEAVE_UNHEARD LEAVE_UNSAFE",
}

CAUSES: Final[Mapping[str, Cause]] = {
    code: cause for cause, codes in _TABLE.items() for code in codes.split()
}
"""Cause of every error code."""


def cause_of(code: str) -> Cause:
    """Where a failure with this code comes from; of an unknown code nobody knows."""
    return CAUSES.get(code, Cause.UNCERTAIN)


def replacing_helps(code: str) -> bool:
    """Whether an instance that fails with `code` may ask to be replaced."""
    return cause_of(code).new_instance_helps
