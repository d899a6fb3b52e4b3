"""openclaw.json: the bot's own settings, Key Vault's fragment and ours, validated before use.

The file lives on the state, because OpenClaw and its control UI write it too. A new one is
validated by the same image that will run with it, beside the live one, so that relative
includes and plugins on the state count; only then does it become the live one.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.core.paths import SECRETS_DIR
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.actions import Action, RemovePath
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.gateway.config_check import CANDIDATE_NAME, ConfigInvalidError, validate
from clawbot_agent.features.gateway.config_patch import changed_paths, desired_config
from clawbot_agent.host import Host

__all__ = ["ConfigInvalidError", "OpenClawConfigFacts", "OpenClawConfigStage", "ReplaceConfig"]

_FRAGMENT: Final = SECRETS_DIR / "openclaw.json"
_MODE: Final = 0o600
_SHOWN_PATHS: Final = 6


class ConfigMovedError(ClawbotError):
    """OpenClaw wrote its file while the agent was about to replace it."""

    code = "OPENCLAW_CONFIG_MOVED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the stage starts again from the new content"


@dataclass(frozen=True, slots=True)
class OpenClawConfigFacts:
    """What is there.

    Attributes:
        live: text of openclaw.json; None when there is none.
        fragment: what Key Vault adds; None when the bot has none.
        private: whether the live file belongs to the gateway's user, for nobody else to read.
        leftover: whether a candidate was left by a run that was killed.
    """

    live: str | None = field(default=None, repr=False)
    fragment: str | None = field(default=None, repr=False)
    private: bool = True
    leftover: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceConfig:
    """Make `text` the live file, if the image's own validator agrees."""

    path: Path
    text: str = field(repr=False)
    previous: str | None = field(repr=False)
    image: str
    why: str
    broken: bool = False

    @property
    def summary(self) -> str:
        """What changes; paths, never values."""
        return f"validate and write {self.path} ({self.why})"

    def apply(self, host: Host) -> None:
        """Validate, keep the old, replace.

        Raises:
            ConfigInvalidError: the validator refused; the live file is untouched.
            ConfigMovedError: the live file changed meanwhile.
        """
        candidate = self.path.with_name(CANDIDATE_NAME)
        self._write(host, candidate, self.text)
        try:
            validate(host, image=self.image, state=self.path.parent)
            self._check_unmoved(host)
        except BaseException:
            host.files.remove(candidate)
            raise
        if self.previous is not None:
            suffix = "broken" if self.broken else "previous"
            kept = self.path.with_name(f"{self.path.name}.{suffix}")
            self._write(host, kept, self.previous)
            if self.broken:
                host.note(f"{self.path} was no JSON object; it is kept as {kept.name}")
        host.files.rename(candidate, self.path)

    def _check_unmoved(self, host: Host) -> None:
        if host.files.read_text(self.path) != self.previous:
            msg = f"{self.path} was written by somebody else in the meantime"
            raise ConfigMovedError(msg)

    def _write(self, host: Host, path: Path, text: str) -> None:
        host.files.write(path, text, mode=_MODE, uid=GATEWAY_UID, gid=GATEWAY_UID)


class OpenClawConfigStage(Stage[OpenClawConfigFacts]):
    """openclaw.json as this bot needs it."""

    name = "openclaw-config"
    title = "OpenClaw configuration"
    phase = Phase.NODE
    needs = ("image", "secrets", "state")
    budget = 240
    typical = 10

    def probe(self, host: Host, config: BotConfig) -> OpenClawConfigFacts:
        """Read the live file and the fragment."""
        path = _live_path(config)
        stat = host.files.stat(path)
        fragment = host.files.read_text(_FRAGMENT)
        if fragment is not None:
            host.redactor.add(Secret(fragment))
        wanted = (GATEWAY_UID, GATEWAY_UID, _MODE)
        return OpenClawConfigFacts(
            live=host.files.read_text(path),
            fragment=fragment,
            private=stat is None or (stat.uid, stat.gid, stat.mode) == wanted,
            leftover=host.files.stat(path.with_name(CANDIDATE_NAME)) is not None,
        )

    def plan(self, facts: OpenClawConfigFacts, config: BotConfig) -> Plan:
        """Replace the file when it does not say what it has to."""
        path = _live_path(config)
        live = _object(facts.live)
        broken = facts.live is not None and live is None
        wanted = desired_config(
            live or {},
            _object(facts.fragment) or {},
            bridge=str(config.bridge_address),
            allowed_origins=config.allowed_origins,
        )
        actions: list[Action] = []
        if facts.leftover:
            candidate = path.with_name(CANDIDATE_NAME)
            actions.append(RemovePath(candidate, "left by a run that was killed"))
        if why := _reason(facts, live, wanted):
            text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
            actions.append(ReplaceConfig(path, text, facts.live, config.image_tag, why, broken))
        return Plan(f"{path} has the bot's, Key Vault's and our settings", tuple(actions))


def _live_path(config: BotConfig) -> Path:
    return Path(config.state.path) / "openclaw.json"


def _object(text: str | None) -> dict[str, Any] | None:
    """The object that a text of JSON or JSON5 holds; OpenClaw reads both."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        found = _json5(text or "")
    return found if isinstance(found, dict) else None


def _json5(text: str) -> object:
    import json5  # noqa: PLC0415 - only for files that somebody wrote by hand

    try:
        return json5.loads(text)
    except ValueError:
        return None


def _reason(
    facts: OpenClawConfigFacts, live: dict[str, Any] | None, wanted: dict[str, Any]
) -> str | None:
    if facts.live is None:
        return "there is none"
    if live is None:
        return "it is not a JSON object"
    if paths := changed_paths(live, wanted):
        more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        return f"differs in {', '.join(paths[:_SHOWN_PATHS])}{more}"
    return None if facts.private else "others may read it, or the gateway may not"
