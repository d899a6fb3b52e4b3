"""Stage `openclaw-config`: openclaw.json, merged from three sources and validated before use.

The file is part of the bot data, because OpenClaw and its control UI write it too. A new version
is validated with the container image that will use it, next to the live file, so that relative
includes and plugins in the state directory count; only then it replaces the live file.
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
from clawbot_agent.features.gateway.config_patch import changed_paths, desired_config
from clawbot_agent.features.gateway.container_spec import STATE_MOUNT, Json
from clawbot_agent.host import Host

_CANDIDATE_NAME: Final = "openclaw.json.candidate"
_FRAGMENT: Final = SECRETS_DIR / "openclaw.json"
_MODE: Final = 0o600
_VALIDATE_SECONDS: Final = 120
_SHOWN_PATHS: Final = 6
_SHOWN_ISSUES: Final = 8
_SHOWN_OUTPUT: Final = 600


class ConfigInvalidError(ClawbotError):
    """OpenClaw rejects the configuration that the agent would write."""

    code = "OPENCLAW_CONFIG_INVALID"
    cause = FailureCause.OPERATOR
    hint = "correct the fragment in Key Vault (or openclaw.json); the bot keeps its present file"


class ConfigMovedError(ClawbotError):
    """OpenClaw changed its configuration while the agent was replacing it."""

    code = "OPENCLAW_CONFIG_MOVED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "nothing to do: the agent merges the new content and tries again"


@dataclass(frozen=True, slots=True)
class OpenClawConfigFacts:
    """openclaw.json as it is.

    Attributes:
        live: text of openclaw.json; None if it does not exist.
        fragment: the fragment from Key Vault; None if the bot has none.
        private: whether only the gateway's user can read the live file.
        leftover: whether an interrupted run has left a candidate.
    """

    live: str | None = field(default=None, repr=False)
    fragment: str | None = field(default=None, repr=False)
    private: bool = True
    leftover: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceConfig:
    """Replace the live file with `text` if OpenClaw accepts it."""

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
        """Validate, keep the previous file, replace.

        Raises:
            ConfigInvalidError: with OpenClaw's messages; the live file is unchanged.
            ConfigMovedError: the live file changed meanwhile.
        """
        candidate = self.path.with_name(_CANDIDATE_NAME)
        self._write(host, candidate, self.text)
        try:
            self._check(host)
        except BaseException:
            host.files.remove(candidate)
            raise
        if self.previous is not None:
            suffix = "broken" if self.broken else "previous"
            kept = self.path.with_name(f"{self.path.name}.{suffix}")
            self._write(host, kept, self.previous)
            if self.broken:
                host.note(f"{self.path} was not a JSON object; it is kept as {kept.name}")
        host.files.rename(candidate, self.path)

    def _check(self, host: Host) -> None:
        done = host.docker.run_once(self._validator(), timeout=_VALIDATE_SECONDS)
        if done.status != 0:
            issues = host.redactor.scrub(_issues(done.output))
            msg = f"{self.path}: rejected by openclaw config validate of {self.image}: {issues}"
            raise ConfigInvalidError(msg)
        if host.files.read_text(self.path) != self.previous:
            msg = f"{self.path}: changed by another process in the meantime"
            raise ConfigMovedError(msg)

    def _validator(self) -> Json:
        return {
            "Image": self.image,
            "User": f"{GATEWAY_UID}:{GATEWAY_UID}",
            "Env": ["HOME=/home/node", f"OPENCLAW_CONFIG_PATH={STATE_MOUNT}/{_CANDIDATE_NAME}"],
            "Entrypoint": ["openclaw"],
            "Cmd": ["config", "validate", "--json"],
            "HostConfig": {
                # read-only: the validator must not be able to change what it validates
                "Binds": [f"{self.path.parent}:{STATE_MOUNT}:ro"],
                "NetworkMode": "none",
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Runtime": "runc",
                "Init": True,
            },
        }

    def _write(self, host: Host, path: Path, text: str) -> None:
        host.files.write(path, text, mode=_MODE, uid=GATEWAY_UID, gid=GATEWAY_UID)


class OpenClawConfigStage(Stage[OpenClawConfigFacts]):
    """openclaw.json has the settings that this bot needs."""

    name = "openclaw-config"
    title = "OpenClaw configuration"
    phase = Phase.NODE
    needs = ("image", "secrets", "state")
    budget = 240
    typical = 10

    def probe(self, host: Host, config: BotConfig) -> OpenClawConfigFacts:
        """Read the live file and the fragment."""
        path = live_path(config)
        stat = host.files.stat(path)
        fragment = host.files.read_text(_FRAGMENT)
        if fragment is not None:
            host.redactor.add(Secret(fragment))
        wanted = (GATEWAY_UID, GATEWAY_UID, _MODE)
        return OpenClawConfigFacts(
            live=host.files.read_text(path),
            fragment=fragment,
            private=stat is None or (stat.uid, stat.gid, stat.mode) == wanted,
            leftover=host.files.stat(path.with_name(_CANDIDATE_NAME)) is not None,
        )

    def plan(self, facts: OpenClawConfigFacts, config: BotConfig) -> Plan:
        """Replace the file if it differs from the merged settings."""
        path = live_path(config)
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
            candidate = path.with_name(_CANDIDATE_NAME)
            actions.append(RemovePath(candidate, "left by an interrupted run"))
        if why := _reason(facts, live, wanted):
            text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
            actions.append(ReplaceConfig(path, text, facts.live, config.image_tag, why, broken))
        return Plan(f"{path} has the settings of bot, Key Vault and agent", tuple(actions))


def live_path(config: BotConfig) -> Path:
    """Return the path of openclaw.json."""
    return Path(config.state.path) / "openclaw.json"


def _object(text: str | None) -> dict[str, Any] | None:
    """Return the object in a text of JSON or JSON5; OpenClaw reads both."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        found = _json5(text or "")
    return found if isinstance(found, dict) else None


def _json5(text: str) -> object:
    import json5  # noqa: PLC0415 - only for files written by hand

    try:
        return json5.loads(text)
    except ValueError:
        return None


def _reason(
    facts: OpenClawConfigFacts, live: dict[str, Any] | None, wanted: dict[str, Any]
) -> str | None:
    if facts.live is None:
        return "missing"
    if live is None:
        return "it is not a JSON object"
    if paths := changed_paths(live, wanted):
        more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        return f"differs in {', '.join(paths[:_SHOWN_PATHS])}{more}"
    return None if facts.private else "wrong owner or mode"


def _issues(output: str) -> str:
    """Return the `path: problem` lines of the JSON answer; of any other answer the raw end."""
    start = output.find("{")
    try:
        found = json.loads(output[start:]) if start >= 0 else {}
    except ValueError:
        found = {}
    issues = found.get("issues") if isinstance(found, dict) else None
    if isinstance(issues, list) and issues:
        return "; ".join(
            f"{one.get('path')}: {one.get('message')}" for one in issues[:_SHOWN_ISSUES]
        )
    return " ".join(output[-_SHOWN_OUTPUT:].split())
