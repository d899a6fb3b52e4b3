"""Making Sysbox known to the engine."""

from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.features.docker import daemon_json
from clawbot_agent.features.sysbox.daemon import (
    RUNTIME,
    Engine,
    Settings,
    differs,
    engine_of,
    merged,
)
from clawbot_agent.features.sysbox.errors import SysboxRuntimeMissingError
from clawbot_agent.host import Host

__all__ = ["ConfigureEngine"]

_DOCKER_UNIT: Final = "docker.service"
_RELOAD_SECONDS: Final = 10.0
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ConfigureEngine:
    """Merge Sysbox into daemon.json and have the running engine read it again."""

    version: str
    default: bool | None
    why: str

    @property
    def summary(self) -> str:
        """What is merged, and why."""
        return f"merge {RUNTIME} into {DAEMON_JSON}, then reload docker ({self.why})"

    def apply(self, host: Host) -> None:
        """Merge and reload.

        Raises:
            SysboxRuntimeMissingError: the engine does not list the runtime afterwards.
        """
        engine = engine_of(host.docker.info())
        settings = Settings.of(default=self.default, version=self.version, engine=engine)
        # read now and not when planned: the package's postinst edits the file too
        text = host.files.read_text(DAEMON_JSON)
        if differs(text, settings):
            daemon_json.store(host, merged(text, settings))
        host.units.change("reload", _DOCKER_UNIT)
        until = host.clock.monotonic() + _RELOAD_SECONDS
        # a reload returns before the engine has read the file
        while not _took(engine_of(host.docker.info()), default=self.default):
            if host.clock.monotonic() >= until:
                msg = f"the engine does not use {RUNTIME} as {DAEMON_JSON} says"
                raise SysboxRuntimeMissingError(msg)
            host.limit.sleep(_LOOK_AGAIN_SECONDS)


def _took(engine: Engine | None, *, default: bool | None) -> bool:
    if engine is None or RUNTIME not in engine.runtimes:
        return False
    return default is None or (engine.default_runtime == RUNTIME) == default
