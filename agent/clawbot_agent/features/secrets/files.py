"""Reading secrets from files on the instance, for a bot without a Key Vault.

One file for each secret, named as the secret. Whoever puts them there is root; a file
that others could have read or written is refused, not repaired: its value is known to
who knows whom.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.core.secret import Secret
from clawbot_agent.host import Host

__all__ = [
    "SecretsFileEmptyError",
    "SecretsFileExposedError",
    "SecretsFileMissingError",
    "read_secret_files",
]

_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
# Key Vault's own limit for a value; more is no secret but a mistake
_LARGEST_BYTES: Final = 25 * 1024


class SecretsFileMissingError(ClawbotError):
    """There is no file for a secret that the configuration names."""

    code = "SECRETS_FILE_MISSING"
    cause = FailureCause.OPERATOR
    # what launches a local machine may be about to write it
    retry = BRIEF
    hint = "create it with 'install -m 0600 FILE PATH' as root, or correct its name under secrets"


class SecretsFileExposedError(ClawbotError):
    """A secret's file, or the directory with it, is open to others than root."""

    code = "SECRETS_FILE_EXPOSED"
    cause = FailureCause.OPERATOR
    hint = "put a new value into a file of root with mode 0600; the old one may be known to others"


class SecretsFileEmptyError(ClawbotError):
    """A secret's file holds nothing that could be a secret."""

    code = "SECRETS_FILE_EMPTY"
    cause = FailureCause.OPERATOR
    hint = "write the value into the file, for example with 'openssl rand -hex 32'"


def read_secret_files(host: Host, directory: Path, names: Iterable[str]) -> dict[str, Secret]:
    """The content of `directory`/NAME for each name.

    Raises:
        SecretsFileMissingError: one of them is not there.
        SecretsFileExposedError: one is no plain file of root that only root may read, or
            others may put files into the directory.
        SecretsFileEmptyError: one is empty, or larger than 25 KiB.
    """
    folder = host.files.stat(directory)
    if folder is not None and (folder.uid != 0 or folder.mode & _OTHERS_WRITE):
        msg = f"{directory}: owner is {folder.uid}, mode is {folder.mode:04o}"
        raise SecretsFileExposedError(msg, hint=f"run 'chown 0:0 {directory}', 'chmod 0700' on it")
    return {name: _read(host, directory / name) for name in names}


def _read(host: Host, path: Path) -> Secret:
    found = host.files.stat(path)
    if found is None:
        msg = f"{path} is not there"
        raise SecretsFileMissingError(msg)
    if found.kind != "file":
        # also a link: its target may be replaced by whoever owns that place
        msg = f"{path} is a {found.kind}, not a file"
        raise SecretsFileExposedError(msg)
    if found.uid != 0 or found.mode & _OTHERS:
        msg = f"{path}: owner is {found.uid}, mode is {found.mode:04o}"
        raise SecretsFileExposedError(msg)
    if found.size > _LARGEST_BYTES:
        msg = f"{path} has {found.size} bytes; a secret has at most {_LARGEST_BYTES}"
        raise SecretsFileEmptyError(msg)
    text = host.files.read_text(path) or ""
    if not text.strip():
        msg = f"{path} is empty"
        raise SecretsFileEmptyError(msg)
    return Secret(text)
