"""Mount options of the share, with their reasons.

The options are documented in mount.cifs(8) or else in the kernel's fs/smb/client/fs_context.c. Most
of them are in Azure's list for Linux (MicrosoftDocs/azure-docs,
storage/files/storage-how-to-use-files-linux.md).
"""

from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.features.share.credentials import file_of

_COMMON: Final = (
    # the handshake is integrity-protected, so an attacker on the network cannot disable encryption;
    # the storage account requires encryption, so the kernel needs no `seal`
    "vers=3.1.1",
    # otherwise the kernel also waits for port 139 when this one does not answer
    "port=445",
    # a soft mount fails after some seconds, and an ext4 image on it then loses writes;
    # the kernel uses persistent handles by itself if the server offers them
    "hard",
    # a separate connection, so that a large file on one mount does not delay the lease on the other
    "nosharesock",
    "serverino",
    # symbolic links for npm and OpenClaw; Azure Files has none over SMB
    "mfsymlinks",
    # cached data is valid only while the server grants a lease on it
    "cache=strict",
    # every attribute query is billed; with one writer attributes seldom change
    "actimeo=30",
    # seconds; a dead server is noticed after three intervals. A mount in use sends no echoes,
    # because any response counts
    "echo_interval=10",
    "nosuid",
    "nodev",
)


def share_options(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    """Return the options for the share itself: owned by root, with locks on the server.

    Args:
        config: with an Azure Files share.
        cruid: owner of the Kerberos ticket; used with a managed identity only.
    """
    # not `nolease`, although a successor waits 35 s for the caching leases of a dead holder:
    # without the cache, reads fail with EAGAIN when the server returns, and the ext4 on the share
    # stops (seen with Linux 6.12)
    return (*_COMMON, "noexec", *_owner(0), *_authentication(config, cruid=cruid))


def state_options(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    """Return the options for bot data on the share: owned by the gateway, with local locks.

    SQLite's locks fail on the server ("database is locked"); only one instance at a time mounts
    this, so the kernel's local locks suffice. Arguments as in `share_options`.
    """
    return (*_COMMON, "nobrl", *_owner(GATEWAY_UID), *_authentication(config, cruid=cruid))


def _owner(uid: int) -> tuple[str, ...]:
    # the server stores neither owner nor mode
    return (f"uid={uid}", f"gid={uid}", "file_mode=0600", "dir_mode=0700")


def _authentication(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - documented precondition
    if share.auth == "account-key":
        return ("sec=ntlmssp", f"credentials={file_of(share)}")
    # azfilesauth's refresher reads from `username` which ticket to renew
    return ("sec=krb5", f"cruid={cruid}", f"username={config.identity.client_id}")
