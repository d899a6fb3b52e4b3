"""Secret values: read from Key Vault or from files, and validated. Messages never quote a value.

Outside Azure each secret is a file in one directory, named like the secret and owned by root. A
file or directory that other users can access is refused, not repaired, because the value may
already be known to them.
"""

from pathlib import Path
from typing import Final

from clawbot_agent.azure.keyvault import ReadSecrets
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.rules import json_object_problem
from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.actions import Stored
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat

_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
# Key Vault's limit for a value
_LARGEST_BYTES: Final = 25 * 1024
# OpenClaw only warns below this length; a bot on the internet must not use such a token
_SHORTEST_TOKEN: Final = 24
# OpenClaw refuses to start with the example from its documentation (gateway/startup-auth.ts)
_EXAMPLES: Final = frozenset({"change-me-to-a-long-random-token"})
_FEWEST_CHARACTERS: Final = 8


class SecretsFileMissingError(ClawbotError):
    """The configuration names a secret that has no file."""

    code = "SECRETS_FILE_MISSING"
    cause = FailureCause.OPERATOR
    # the program that launches a local machine may be about to write the file
    retry = BRIEF
    hint = "run 'install -m 0600 FILE PATH' as root, or correct the secret's name under secrets"


class SecretsFileExposedError(ClawbotError):
    """A secret's file or its directory is accessible to users other than root."""

    code = "SECRETS_FILE_EXPOSED"
    cause = FailureCause.OPERATOR
    hint = (
        "write a new value to a file owned by root with mode 0600; other users may know the old one"
    )


class SecretsFileEmptyError(ClawbotError):
    """A secret's file is empty or too large."""

    code = "SECRETS_FILE_EMPTY"
    cause = FailureCause.OPERATOR
    hint = "write the value to the file, for example with 'openssl rand -hex 32'"


class GatewayTokenWeakError(ClawbotError):
    """The gateway token is easy to guess, or not accepted by OpenClaw."""

    code = "GATEWAY_TOKEN_WEAK"
    cause = FailureCause.OPERATOR
    hint = "set the secret to a random token, for example from 'openssl rand -hex 32'"


class OpenClawFragmentInvalidError(ClawbotError):
    """The secret with the fragment of openclaw.json is not a JSON object."""

    code = "OPENCLAW_FRAGMENT_INVALID"
    cause = FailureCause.OPERATOR
    hint = "set the secret to a JSON object such as {\"agents\": {}}; check it with 'jq type'"


def read_configured(
    host: Host, config: BotConfig, names: list[str], *, read: ReadSecrets
) -> dict[str, Secret]:
    """Read secrets from the configured source; `read` reads Key Vault.

    Raises:
        ClawbotError: the source refuses, has no such secret, or is unreachable.
    """
    if config.secrets.source == "directory":
        return _read_files(host, Path(config.secrets.path), names)
    client_id = config.identity.client_id
    return read(config.vault_url, names, client_id=client_id, limit=host.limit)


def stored(host: Host, path: Path) -> Stored | None:
    """Return what is at `path`, if anything; a file's text is made known to the redactor."""
    stat = host.files.stat(path)
    if stat is None or stat.kind != "file":
        return None if stat is None else Stored(stat)
    text = Secret(host.files.read_text(path) or "")
    host.redactor.add(text)
    return Stored(stat, text)


def gateway_token(value: Secret, *, name: str) -> Secret:
    """Return the token in the secret `name` without surrounding white space.

    Raises:
        GatewayTokenWeakError: it is too short, easy to guess, or invalid in an HTTP header.
    """
    # 'az keyvault secret set --file' includes the file's final newline
    token = value.reveal().strip()
    if len(token) < _SHORTEST_TOKEN:
        problem = f"has {len(token)} characters, must have at least {_SHORTEST_TOKEN}"
    elif not (token.isascii() and token.isprintable()) or " " in token:
        problem = "contains characters that are invalid in an HTTP header"
    elif token.lower() in _EXAMPLES:
        problem = "is the example from OpenClaw's documentation"
    elif len(set(token)) < _FEWEST_CHARACTERS:
        problem = f"has only {len(set(token))} different characters"
    else:
        return Secret(token)
    msg = f"secret {name}: the gateway token {problem}"
    raise GatewayTokenWeakError(msg)


def openclaw_fragment(value: Secret, *, name: str) -> Secret:
    """Return the text of the secret `name`, a JSON object.

    Raises:
        OpenClawFragmentInvalidError: it is not a JSON object.
    """
    if problem := json_object_problem(value.reveal()):
        msg = f"secret {name}: {problem}"
        raise OpenClawFragmentInvalidError(msg)
    return value


def _read_files(host: Host, directory: Path, names: list[str]) -> dict[str, Secret]:
    folder = host.files.stat(directory)
    if folder is not None and (exposure := _exposure(folder, _OTHERS_WRITE)):
        msg = f"{directory}: {exposure}"
        hint = f"run 'chown 0:0 {directory}' and 'chmod 0700 {directory}'"
        raise SecretsFileExposedError(msg, hint=hint)
    return {name: _read_file(host, directory / name) for name in names}


def _read_file(host: Host, path: Path) -> Secret:
    found = host.files.stat(path)
    if found is None:
        msg = f"{path}: does not exist"
        raise SecretsFileMissingError(msg)
    # a link too: the owner of its target could replace the value
    kind = "" if found.kind == "file" else f"is a {found.kind}, not a file"
    if problem := kind or _exposure(found, _OTHERS):
        msg = f"{path}: {problem}"
        raise SecretsFileExposedError(msg)
    if found.size > _LARGEST_BYTES:
        msg = f"{path}: has {found.size} bytes, must have at most {_LARGEST_BYTES}"
        raise SecretsFileEmptyError(msg)
    text = host.files.read_text(path) or ""
    if not text.strip():
        msg = f"{path}: is empty"
        raise SecretsFileEmptyError(msg)
    return Secret(text)


def _exposure(found: FileStat, bits: int) -> str:
    exposed = found.uid != 0 or found.mode & bits
    return f"owner is {found.uid}, mode is {found.mode:04o}" if exposed else ""
