"""The secrets on this instance, which a bundle must not contain."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import GATEWAY_SECRETS_DIR, SECRETS_DIR
from clawbot_agent.core.secret import Secret, tells_of_secret
from clawbot_agent.features.share.credentials import DIRECTORY
from clawbot_agent.host import Host

_PASSWORD: Final = "password="  # noqa: S105 - the name of a line
_SHORTEST: Final = 12
_DOCKER_SECONDS: Final = 35.0
_STATE_SECONDS: Final = 15.0


def known_secrets(host: Host, config: BotConfig | None) -> tuple[Secret, ...]:
    """Return those in the agent's files, credentials, the gateway's state and its environment.

    A source that cannot be read now (a share that does not answer) cannot leak into the bundle
    either, except as text that the patterns recognize.
    """
    ways: list[tuple[Callable[[Host, BotConfig | None], Iterator[Secret]], float]] = [
        (_own, _STATE_SECONDS),
        (_of_shares, _STATE_SECONDS),
        (_of_state, _STATE_SECONDS),
        (_of_container, _DOCKER_SECONDS),
    ]
    found: list[Secret] = []
    for way, seconds in ways:
        with suppress(ClawbotError):
            found += way(host.within(seconds, label="secrets"), config)
    return tuple(found)


def _own(host: Host, config: BotConfig | None) -> Iterator[Secret]:
    folders = [SECRETS_DIR, GATEWAY_SECRETS_DIR]
    if config is not None and config.secrets.source == "directory":
        folders.append(Path(config.secrets.path))
    for folder in folders:
        for text in _texts(host, folder):
            yield Secret(text.strip())


def _of_shares(host: Host, config: BotConfig | None) -> Iterator[Secret]:
    del config
    for text in _texts(host, DIRECTORY):
        for line in text.splitlines():
            if line.startswith(_PASSWORD):
                yield Secret(line.removeprefix(_PASSWORD))


def _of_state(host: Host, config: BotConfig | None) -> Iterator[Secret]:
    """Yield what OpenClaw itself, or its user in the control UI, added to the configuration."""
    if config is None:
        return
    text = host.files.read_text(Path(config.state.path) / "openclaw.json")
    with suppress(ValueError):
        yield from map(Secret, _named_values(json.loads(text or "{}")))


def _named_values(value: object, *, named: bool = False) -> Iterator[str]:
    """Yield strings whose name suggests a secret; short ones are settings (`"mode": "token"`).

    Unlike the fragment in Key Vault, the file is full of names and paths that are no secrets.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _named_values(one, named=named or tells_of_secret(str(key)))
    elif isinstance(value, list):
        for one in value:
            yield from _named_values(one, named=named)
    elif named and isinstance(value, str) and len(value) >= _SHORTEST:
        yield value


def _of_container(host: Host, config: BotConfig | None) -> Iterator[Secret]:
    del config
    container = host.docker.container(GATEWAY_CONTAINER) or {}
    for variable in (container.get("Config") or {}).get("Env") or ():
        name, _, value = str(variable).partition("=")
        if tells_of_secret(name):
            yield Secret(value)


def _texts(host: Host, folder: Path) -> Iterator[str]:
    for name in host.files.list(folder):
        found = host.files.stat(folder / name)
        if found is not None and found.kind == "file":
            yield host.files.read_text(folder / name) or ""
