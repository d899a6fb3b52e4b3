"""The account key: where it comes from, and the file that mount.cifs reads it from.

On disk, not in /run: the bot must come back after a reboot while Key Vault is out of reach.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.azure.keyvault import ReadSecrets, read_secrets
from clawbot_agent.azure.metadata import instance
from clawbot_agent.azure.storage import Account, ReadKey, read_key
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.storage import AzureFilesShare
from clawbot_agent.core.secret import Secret
from clawbot_agent.features.secrets.files import read_secret_files
from clawbot_agent.features.share.errors import ShareKeyWrongError
from clawbot_agent.host import Host

__all__ = ["DIRECTORY", "KeySources", "content", "fetched_key", "file_of", "kept_key"]

# where Azure's own documentation puts it, and backup and audit tools look for it
DIRECTORY: Final = Path("/etc/smbcredentials")
_PASSWORD: Final = "password="  # noqa: S105 - the name of a line


@dataclass(frozen=True, slots=True)
class KeySources:
    """Where a key can come from; a test brings its own."""

    secrets: ReadSecrets = read_secrets
    arm: ReadKey = read_key


def file_of(share: AzureFilesShare) -> Path:
    """The credentials file of the share's account."""
    return DIRECTORY / f"{share.account}.cred"


def content(share: AzureFilesShare, key: Secret) -> Secret:
    """What the file has to hold (mount.cifs(8), credentials)."""
    return Secret(f"username={share.account}\n{_PASSWORD}{key.reveal()}\n")


def kept_key(share: AzureFilesShare, host: Host) -> Secret | None:
    """The key in the file; None when there is none for this account."""
    text = host.files.read_text(file_of(share)) or ""
    lines = text.splitlines()
    keys = [line.removeprefix(_PASSWORD) for line in lines if line.startswith(_PASSWORD)]
    if f"username={share.account}" not in lines or len(keys) != 1 or not keys[0]:
        return None
    key = Secret(keys[0])
    host.redactor.add(key)
    return key


def fetched_key(host: Host, config: BotConfig, sources: KeySources) -> Secret:
    """The key as it is now: the configured secret's, else what Azure Resource Manager says.

    Raises:
        ClawbotError: the source refused or cannot be reached.
    """
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - whoever asks has looked
    if share.key_secret is not None:
        value = _secret(host, config, share.key_secret, sources.secrets)
    else:
        here = instance(host.get_json)
        account = Account(
            name=share.account,
            suffix=share.suffix,
            subscription=here.subscription,
            resource_group=share.resource_group or here.resource_group,
        )
        value = sources.arm(account, client_id=config.identity.client_id, limit=host.limit)
    # whoever stores a key with `echo` stores a line break with it
    key = Secret(value.reveal().strip())
    host.redactor.add(key)
    # a second line would be a second setting of mount.cifs
    if len(key.reveal().split()) != 1:
        msg = f"the secret {share.key_secret} is no key of a storage account: it has several words"
        raise ShareKeyWrongError(msg)
    return key


def _secret(host: Host, config: BotConfig, name: str, read: ReadSecrets) -> Secret:
    if config.secrets.source == "directory":
        return read_secret_files(host, Path(config.secrets.path), [name])[name]
    client_id = config.identity.client_id
    return read(config.vault_url, [name], client_id=client_id, limit=host.limit)[name]
