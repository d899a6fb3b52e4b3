"""How the share is mounted, and why so.

What each option means: mount.cifs(8) and, for those it does not know, the kernel's
fs/smb/client/fs_context.c. Most of Azure's own list for Linux is here
(MicrosoftDocs/azure-docs, storage/files/storage-how-to-use-files-linux.md).
"""

from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.features.share.credentials import file_of

__all__ = ["share_options", "state_options"]

_COMMON: Final = (
    # with integrity of the handshake: nobody in between can talk it down to no encryption,
    # which the storage account demands and the kernel then does by itself (no `seal` needed)
    "vers=3.1.1",
    # else a port that does not answer is followed by the same wait for port 139
    "port=445",
    # a soft mount gives up after some seconds, and an ext4 image on it then loses writes;
    # persistent handles are left to the kernel: it uses them where the server has them
    "hard",
    # a connection of its own: a big file of one mount does not hold up the lease on the other
    "nosharesock",
    "serverino",
    # links of npm and OpenClaw; Azure Files has none of its own for SMB
    "mfsymlinks",
    # what was read stays valid only while the server grants a lease on it
    "cache=strict",
    # each look at attributes is billed; one holder writes, so they seldom change
    "actimeo=30",
    # a server that died without a word is noticed after three of these, in seconds; a mount
    # that is in use sends none, because any answer counts
    "echo_interval=10",
    "nosuid",
    "nodev",
)


def share_options(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    """For the share itself: root's alone, with locks that the server enforces.

    Args:
        config: has an Azure Files share.
        cruid: owner of the Kerberos ticket; only a managed identity's mount has one.
    """
    # not `nolease`, though a successor then had not to wait 35 s for the caching leases of a
    # holder that died: past the cache the kernel gives a read up with EAGAIN when the server
    # comes back, and the ext4 on the share stops (seen with 6.12)
    return (*_COMMON, "noexec", *_owner(0), *_proof(config, cruid=cruid))


def state_options(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    """For state on the share: the gateway's own, with locks that stay on the instance.

    SQLite's locks go wrong on the server ("database is locked"); one instance at a time
    has this mounted, so locks of its own kernel do. Arguments as in `share_options`.
    """
    return (*_COMMON, "nobrl", *_owner(GATEWAY_UID), *_proof(config, cruid=cruid))


def _owner(uid: int) -> tuple[str, ...]:
    # the server keeps neither owner nor mode
    return (f"uid={uid}", f"gid={uid}", "file_mode=0600", "dir_mode=0700")


def _proof(config: BotConfig, *, cruid: int) -> tuple[str, ...]:
    share = _azure_files(config)
    if share.auth == "account-key":
        return ("sec=ntlmssp", f"credentials={file_of(share)}")
    # azfilesauth's own refresher finds out by `username` whose ticket it is to renew
    return ("sec=krb5", f"cruid={cruid}", f"username={config.identity.client_id}")


def _azure_files(config: BotConfig) -> AzureFilesShare:
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - whoever asks has looked
    return share
