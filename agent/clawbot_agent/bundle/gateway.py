"""The gateway: its container, its output, its configuration; and what the sidecar says."""

import json
from pathlib import Path
from typing import Any, Final

from clawbot_agent.bundle.patterns import MASK
from clawbot_agent.bundle.piece import Piece
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER, HEALTH_PORT
from clawbot_agent.core.secret import tells_of_secret
from clawbot_agent.features.gateway.container_spec import CANDIDATE, PREVIOUS
from clawbot_agent.host import Host

__all__ = ["PIECES"]

_HEALTH_URL: Final = f"http://127.0.0.1:{HEALTH_PORT}/health"
_LINES: Final = 3000
# variables that tell how the container is set up; of others only the names are kept
_PLAIN_VARIABLES: Final = frozenset(
    {
        *("PATH", "HOME", "NODE_VERSION", "NODE_COMPILE_CACHE", "OPENCLAW_NO_AUTO_UPDATE"),
        *("OPENCLAW_DISABLE_BONJOUR", "OPENCLAW_NO_RESPAWN", "OPENCLAW_SKIP_CHANNELS"),
    }
)


def _inspected(host: Host, config: BotConfig | None) -> str | None:
    del config
    names = (GATEWAY_CONTAINER, PREVIOUS, CANDIDATE)
    found = {name: host.docker.container(name) for name in names}
    shown = {name: _without_environment(one) for name, one in found.items() if one is not None}
    return json.dumps(shown, indent=2) if shown else None


def _without_environment(container: dict[str, Any]) -> dict[str, Any]:
    config = container.get("Config") or {}
    variables = [_variable(one) for one in config.get("Env") or ()]
    return {**container, "Config": {**config, "Env": variables}}


def _variable(text: str) -> str:
    name, _, _ = text.partition("=")
    return text if name in _PLAIN_VARIABLES else f"{name}={MASK}"


def _engine(host: Host, config: BotConfig | None) -> str | None:
    del config
    found = host.docker.info()
    return None if found is None else json.dumps(found, indent=2)


def _output(host: Host, config: BotConfig | None) -> str | None:
    del config
    if host.docker.container(GATEWAY_CONTAINER) is None:
        return None
    return host.docker.logs(GATEWAY_CONTAINER, tail=_LINES)


def _openclaw_json(host: Host, config: BotConfig | None) -> str | None:
    """The structure; no value under a name that tells of a secret, and none that is not JSON."""
    if config is None:
        return None
    text = host.files.read_text(Path(config.state.path) / "openclaw.json")
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        # the parser's message may quote it
        return f"[not JSON ({type(error).__name__}), {len(text)} characters]\n"
    return json.dumps(_blinded(found), indent=2)


def _blinded(value: object, *, telling: bool = False) -> object:
    if isinstance(value, dict):
        return {
            key: _blinded(one, telling=telling or tells_of_secret(str(key)))
            for key, one in value.items()
        }
    if isinstance(value, list):
        # in a list of arguments the one before may be what tells
        return [
            _blinded(one, telling=telling or _is_telling_option(before))
            for before, one in zip(("", *value), value, strict=False)
        ]
    return MASK if telling and isinstance(value, str) else value


def _is_telling_option(argument: object) -> bool:
    return isinstance(argument, str) and argument.startswith("-") and tells_of_secret(argument)


def _health(host: Host, config: BotConfig | None) -> str:
    del config
    found = host.get_json(_HEALTH_URL, timeout=5)
    told = {"status": found.status, "problem": found.problem, "body": found.body}
    return json.dumps(told, indent=2)


PIECES: Final = (
    Piece("gateway/containers.json", _inspected, seconds=35),
    Piece("gateway/output.txt", _output, seconds=35),
    Piece("docker/info.json", _engine, seconds=35),
    Piece("gateway/openclaw.json", _openclaw_json, seconds=15),
    Piece("sidecar/health.json", _health),
)
