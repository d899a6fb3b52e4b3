"""The bot's secrets: read from Key Vault, kept in files that only their users can read.

With `secrets.source: directory` root's files take the place of Key Vault; they are always
within reach, so nothing is kept from before.

Key Vault decides. When it answers, what it says is what the instance gets: a secret that
is gone, or a role that was taken away, is an error even though the files are still there.
When it cannot be reached, and good files are there from before, they are kept and the
stage says so: a bot that restarts during an outage of Key Vault comes up again. A failure
here takes nothing down: it keeps the stages that need the secrets from running, and a
gateway that runs goes on with the files it has.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clawbot_agent.azure.errors import (
    ImdsUnavailableError,
    KeyVaultAccessLostError,
    KeyVaultForbiddenError,
    KeyVaultThrottledError,
    KeyVaultUnreachableError,
)
from clawbot_agent.azure.keyvault import ReadSecrets, read_secrets
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import GATEWAY_SECRETS_DIR, SECRETS_DIR
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.actions import Action, RemovePath, Stored, directory_actions, file_actions
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.secrets.files import read_secret_files
from clawbot_agent.features.secrets.rules import gateway_token, openclaw_fragment
from clawbot_agent.host import Host

__all__ = ["FRAGMENT_FILE", "TOKEN_FILE", "SecretsFacts", "SecretsStage"]

TOKEN_FILE: Final = GATEWAY_SECRETS_DIR / "token"
FRAGMENT_FILE: Final = SECRETS_DIR / "openclaw.json"

# path to mode, owner and group
_DIRECTORIES: Final = {SECRETS_DIR: (0o700, 0), GATEWAY_SECRETS_DIR: (0o500, GATEWAY_UID)}
_FILES: Final = {TOKEN_FILE: (0o400, GATEWAY_UID), FRAGMENT_FILE: (0o600, 0)}
# a write that was killed leaves its temporary file, with the secret in it
_LEFTOVERS: Final = {path.parent: f".{path.name}." for path in _FILES}

_OUTAGES: Final = (ImdsUnavailableError, KeyVaultThrottledError, KeyVaultUnreachableError)
# with good files at hand an outage is not worth the minutes that it is without
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class SecretsFacts:
    """What is there, and what the source says.

    Attributes:
        found: by path: directories and files that exist.
        leftovers: temporary files of writes that were killed.
        wanted: content by file, from the source; from the files themselves in an outage.
        kept: why and since when the files had the last word; empty when the source had it.
    """

    found: dict[Path, Stored]
    leftovers: tuple[Path, ...]
    wanted: dict[Path, Secret] = field(repr=False)
    kept: str = ""


class SecretsStage(Stage[SecretsFacts]):
    """Gateway token and OpenClaw fragment in files.

    Args:
        read: reads Key Vault.
    """

    name = "secrets"
    title = "Gateway token and secrets"
    phase = Phase.NODE
    # a new role assignment may need a quarter of an hour
    budget = 1200
    typical = 4
    # what Key Vault says is taken over at once
    repairs_rest = False

    def __init__(self, read: ReadSecrets = read_secrets) -> None:
        """See the class."""
        self._read = read
        self._outage_began: float | None = None

    def probe(self, host: Host, config: BotConfig) -> SecretsFacts:
        """Read the files, then the source.

        Raises:
            ClawbotError: the source refused, holds unusable values, or cannot be reached
                while there are no good files.
        """
        found = {path: _stored(host, path) for path in (*_DIRECTORIES, *_FILES)}
        there = {path: stored for path, stored in found.items() if stored is not None}
        leftovers = tuple(
            folder / name
            for folder, prefix in _LEFTOVERS.items()
            for name in host.files.list(folder)
            if name.startswith(prefix)
        )
        kept = _usable(there, config)
        if kept is None:
            return SecretsFacts(there, leftovers, self._fetch(host, config))
        try:
            fetched = self._fetch(host, config)
        except KeyVaultForbiddenError as error:
            raise KeyVaultAccessLostError(error.message, hint=error.hint) from error
        except _OUTAGES as error:
            if self._worth_waiting(host):
                raise
            modified = there[TOKEN_FILE].stat.modified
            since = datetime.fromtimestamp(modified, tz=UTC).date().isoformat()
            why = f"kept the secrets of {since}: {error.code}: {error.message}"
            return SecretsFacts(there, leftovers, kept, why)
        self._outage_began = None
        return SecretsFacts(there, leftovers, fetched)

    def plan(self, facts: SecretsFacts, config: BotConfig) -> Plan:
        """Directories first, then the files whose content, mode or owner differs."""
        actions: list[Action] = []
        for path, (mode, uid) in _DIRECTORIES.items():
            actions += directory_actions(path, facts.found.get(path), mode=mode, uid=uid)
        for path, (mode, uid) in _FILES.items():
            wanted = facts.wanted.get(path)
            actions += file_actions(path, facts.found.get(path), wanted, mode=mode, uid=uid)
        actions += [
            RemovePath(path, "left by a write that was cut off") for path in facts.leftovers
        ]
        count = "2 secrets" if len(facts.wanted) > 1 else "the gateway token"
        return Plan(facts.kept or f"{count} as in {_source(config)}", tuple(actions))

    def paced(self, error: ClawbotError) -> bool:
        """Never: role and secrets come back by somebody's act in Azure."""
        del error
        return False

    def _worth_waiting(self, host: Host) -> bool:
        """Whether the outage is so young that the engine should try again."""
        now = host.clock.monotonic()
        if self._outage_began is None:
            self._outage_began = now
        return now - self._outage_began < _PATIENCE_SECONDS

    def _fetch(self, host: Host, config: BotConfig) -> dict[Path, Secret]:
        names = config.secrets
        asked = [names.gateway_token, *([names.openclaw_config] if names.openclaw_config else [])]
        values = self._values(host, config, asked)
        for value in values.values():
            host.redactor.add(value)
        token = gateway_token(values[names.gateway_token], name=names.gateway_token)
        host.redactor.add(token)
        wanted = {TOKEN_FILE: token}
        if name := names.openclaw_config:
            wanted[FRAGMENT_FILE] = openclaw_fragment(values[name], name=name)
        return wanted

    def _values(self, host: Host, config: BotConfig, asked: list[str]) -> dict[str, Secret]:
        if config.secrets.source == "directory":
            return read_secret_files(host, Path(config.secrets.path), asked)
        identity = config.identity.client_id
        return self._read(config.vault_url, asked, client_id=identity, limit=host.limit)


def _source(config: BotConfig) -> str:
    if config.secrets.source == "directory":
        return config.secrets.path
    return f"the vault {config.identity.key_vault}"


def _stored(host: Host, path: Path) -> Stored | None:
    stat = host.files.stat(path)
    if stat is None or stat.kind != "file":
        return None if stat is None else Stored(stat)
    text = Secret(host.files.read_text(path) or "")
    host.redactor.add(text)
    return Stored(stat, text)


def _usable(found: dict[Path, Stored], config: BotConfig) -> dict[Path, Secret] | None:
    """The files' content when it would do without Key Vault, else None."""
    names = config.secrets
    texts = {path: stored.text for path, stored in found.items() if stored.text is not None}
    try:
        usable = {TOKEN_FILE: gateway_token(texts[TOKEN_FILE], name=names.gateway_token)}
        if name := names.openclaw_config:
            usable[FRAGMENT_FILE] = openclaw_fragment(texts[FRAGMENT_FILE], name=name)
    except (KeyError, ClawbotError):
        return None
    return usable
