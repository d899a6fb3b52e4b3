"""The bot's secrets: read from their source, kept in files that only their users can read.

Key Vault is authoritative: a deleted secret or a removed role is an error even if the files still
exist. When Key Vault is unreachable and valid files exist, they are kept and the stage says so, so
that a bot that restarts during an outage starts. A failure stops nothing: it blocks the stages that
need the secrets, and a running gateway continues with its files. With `secrets.source: directory`
files owned by root replace Key Vault; they are always available.
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
from clawbot_agent.features.secrets.values import (
    gateway_token,
    openclaw_fragment,
    read_configured,
    stored,
)
from clawbot_agent.host import Host

TOKEN_FILE: Final = GATEWAY_SECRETS_DIR / "token"
FRAGMENT_FILE: Final = SECRETS_DIR / "openclaw.json"

# path to mode, owner and group
_DIRECTORIES: Final = {SECRETS_DIR: (0o700, 0), GATEWAY_SECRETS_DIR: (0o500, GATEWAY_UID)}
_FILES: Final = {TOKEN_FILE: (0o400, GATEWAY_UID), FRAGMENT_FILE: (0o600, 0)}

_OUTAGES: Final = (ImdsUnavailableError, KeyVaultThrottledError, KeyVaultUnreachableError)
# with valid files, an outage is retried only this long
_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class SecretsFacts:
    """The files, and the values they must have.

    Attributes:
        found: existing directories and files by path.
        leftovers: temporary files of killed writes.
        wanted: content by file, from the source; in an outage from the files themselves.
        kept: why and since when the files' content is kept; empty if the source answered.
    """

    found: dict[Path, Stored]
    leftovers: tuple[Path, ...]
    wanted: dict[Path, Secret] = field(repr=False)
    kept: str = ""


class SecretsStage(Stage[SecretsFacts]):
    """Gateway token and OpenClaw fragment in files; `read` reads Key Vault."""

    name = "secrets"
    title = "Gateway token and secrets"
    phase = Phase.NODE
    # a new role assignment may take 15 min to work
    budget = 1200
    typical = 4
    # a new value in Key Vault is applied at once
    repairs_back_off = False

    def __init__(self, read: ReadSecrets = read_secrets) -> None:
        self._read = read
        self._outage_began: float | None = None

    def probe(self, host: Host, config: BotConfig) -> SecretsFacts:
        """Read the files, then the source.

        Raises:
            ClawbotError: the source refuses, holds unusable values, or is unreachable while
                there are no valid files.
        """
        paths = (*_DIRECTORIES, *_FILES)
        found = {path: item for path in paths if (item := stored(host, path)) is not None}
        # a killed write leaves its temporary file, which contains the secret
        leftovers = tuple(
            path.parent / name
            for path in _FILES
            for name in host.files.list(path.parent)
            if name.startswith(f".{path.name}.")
        )
        kept = _valid_content(found, config)
        if kept is None:
            return SecretsFacts(found, leftovers, self._fetch(host, config))
        try:
            fetched = self._fetch(host, config)
        except KeyVaultForbiddenError as error:
            raise KeyVaultAccessLostError(error.message, hint=error.hint) from error
        except _OUTAGES as error:
            if self._is_recent_outage(host):
                raise
            modified = found[TOKEN_FILE].stat.modified
            since = datetime.fromtimestamp(modified, tz=UTC).date().isoformat()
            why = f"kept the secrets of {since}: {error.code}: {error.message}"
            return SecretsFacts(found, leftovers, kept, why)
        self._outage_began = None
        return SecretsFacts(found, leftovers, fetched)

    def plan(self, facts: SecretsFacts, config: BotConfig) -> Plan:
        """Directories first, then the files whose content, mode or owner differs."""
        actions: list[Action] = []
        for path, (mode, uid) in _DIRECTORIES.items():
            actions += directory_actions(path, facts.found.get(path), mode=mode, uid=uid)
        for path, (mode, uid) in _FILES.items():
            wanted = facts.wanted.get(path)
            actions += file_actions(path, facts.found.get(path), wanted, mode=mode, uid=uid)
        actions += [RemovePath(path, "left by an interrupted write") for path in facts.leftovers]
        from_files = config.secrets.source == "directory"
        source = config.secrets.path if from_files else f"the vault {config.identity.key_vault}"
        subject = "2 secrets match" if len(facts.wanted) > 1 else "the gateway token matches"
        return Plan(facts.kept or f"{subject} {source}", tuple(actions))

    def backs_off(self, error: ClawbotError) -> bool:
        """Never: roles and secrets are changed in Azure."""
        del error
        return False

    def _is_recent_outage(self, host: Host) -> bool:
        now = host.clock.monotonic()
        if self._outage_began is None:
            self._outage_began = now
        return now - self._outage_began < _RETRY_SECONDS

    def _fetch(self, host: Host, config: BotConfig) -> dict[Path, Secret]:
        token, fragment = config.secrets.gateway_token, config.secrets.openclaw_config
        names = [token, fragment] if fragment else [token]
        values = read_configured(host, config, names, read=self._read)
        for value in values.values():
            host.redactor.add(value)
        wanted = {TOKEN_FILE: gateway_token(values[token], name=token)}
        host.redactor.add(wanted[TOKEN_FILE])
        if fragment:
            wanted[FRAGMENT_FILE] = openclaw_fragment(values[fragment], name=fragment)
        return wanted


def _valid_content(found: dict[Path, Stored], config: BotConfig) -> dict[Path, Secret] | None:
    """Return the files' content if it suffices without Key Vault, else None."""
    names = config.secrets
    texts = {path: item.text for path, item in found.items() if item.text is not None}
    try:
        content = {TOKEN_FILE: gateway_token(texts[TOKEN_FILE], name=names.gateway_token)}
        if name := names.openclaw_config:
            content[FRAGMENT_FILE] = openclaw_fragment(texts[FRAGMENT_FILE], name=name)
    except (KeyError, ClawbotError):
        return None
    return content
