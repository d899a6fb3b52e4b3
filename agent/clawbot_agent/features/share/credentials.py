"""The storage account's key: its sources, and the file from which mount.cifs reads it.

The file is on disk, not in /run, so that the bot survives a reboot while Key Vault is unreachable.
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
from clawbot_agent.features.secrets.values import read_configured
from clawbot_agent.features.share.errors import ShareKeyWrongError
from clawbot_agent.host import Host

# the path in Azure's documentation, where backup and audit tools expect it
DIRECTORY: Final = Path("/etc/smbcredentials")
_PASSWORD: Final = "password="  # noqa: S105 - the start of a line


@dataclass(frozen=True, slots=True)
class KeySources:
    """Readers of the key; tests replace them."""

    secrets: ReadSecrets = read_secrets
    arm: ReadKey = read_key


def file_of(share: AzureFilesShare) -> Path:
    """Return the path of the credentials file of the share's account."""
    return DIRECTORY / f"{share.account}.cred"


def content(share: AzureFilesShare, key: Secret) -> Secret:
    """Return the file's content (mount.cifs(8), credentials)."""
    return Secret(f"username={share.account}\n{_PASSWORD}{key.reveal()}\n")


def kept_key(share: AzureFilesShare, host: Host) -> Secret | None:
    """Return the key in the file; None if it has none for this account."""
    lines = (host.files.read_text(file_of(share)) or "").splitlines()
    keys = [line.removeprefix(_PASSWORD) for line in lines if line.startswith(_PASSWORD)]
    if f"username={share.account}" not in lines or len(keys) != 1 or not keys[0]:
        return None
    key = Secret(keys[0])
    host.redactor.add(key)
    return key


def fetched_key(
    host: Host, config: BotConfig, share: AzureFilesShare, sources: KeySources
) -> Secret:
    """Read the current key from the configured secret, else from Azure Resource Manager.

    Raises:
        ClawbotError: the source refuses or is unreachable, or the secret is not a key.
    """
    if name := share.key_secret:
        value = read_configured(host, config, [name], read=sources.secrets)[name]
    else:
        here = instance(host.get_json)
        account = Account(
            name=share.account,
            suffix=share.suffix,
            subscription=here.subscription,
            resource_group=share.resource_group or here.resource_group,
        )
        value = sources.arm(account, client_id=config.identity.client_id, limit=host.limit)
    # a secret that was set with `echo` ends with a newline
    key = Secret(value.reveal().strip())
    host.redactor.add(key)
    # mount.cifs would read a second line as another setting
    if len(key.reveal().split()) != 1:
        msg = f"secret {share.key_secret}: must be one word, a storage account's key"
        raise ShareKeyWrongError(msg)
    return key
