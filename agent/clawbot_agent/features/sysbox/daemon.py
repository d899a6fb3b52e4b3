"""Sysbox in docker's daemon.json. Pure: text in, text out."""

import re
from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.features.docker import daemon_json

__all__ = ["RUNTIME", "Engine", "Settings", "differs", "engine_of", "merged", "same_version"]

RUNTIME: Final = "sysbox-runc"
_PATH: Final = "/usr/bin/sysbox-runc"
_FEATURE: Final = "time-namespaces"
# docker 29.5 gives every container a time namespace; Sysbox knows these since 0.7.1 (sysbox#1011)
_TIME_NAMESPACES_SINCE: Final = (29, 5)
_TIME_NAMESPACES_KNOWN_SINCE: Final = (0, 7, 1)


@dataclass(frozen=True, slots=True)
class Engine:
    """What matters of a running engine."""

    version: str
    kernel: str
    runtimes: frozenset[str]
    default_runtime: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What daemon.json must say.

    Attributes:
        default: whether Sysbox is the default runtime; None leaves that as it is.
        time_namespaces: whether the engine may use them.
    """

    default: bool | None
    time_namespaces: bool

    @classmethod
    def of(cls, *, default: bool | None, version: str, engine: Engine | None) -> "Settings":
        """The settings for a Sysbox `version` under an engine."""
        new_engine = engine is not None and _numbers(engine.version) >= _TIME_NAMESPACES_SINCE
        knows = _numbers(version) >= _TIME_NAMESPACES_KNOWN_SINCE
        return cls(default=default, time_namespaces=knows or not new_engine)


def engine_of(info: dict[str, Any] | None) -> Engine | None:
    """Read `docker info`."""
    if info is None:
        return None
    return Engine(
        version=str(info.get("ServerVersion", "")),
        kernel=str(info.get("KernelVersion", "")),
        runtimes=frozenset(info.get("Runtimes") or ()),
        default_runtime=str(info.get("DefaultRuntime", "")),
    )


def differs(text: str | None, settings: Settings) -> bool:
    """Whether daemon.json says something else than `settings`."""
    found = _parsed(text)
    return _merged(found, settings) != found


def merged(text: str | None, settings: Settings) -> str:
    """daemon.json with the settings in it, and all else as it was."""
    return daemon_json.text_of(_merged(_parsed(text), settings))


def same_version(installed: str, wanted: str) -> bool:
    """Whether a package version such as "0.6.7-0.linux" is release "0.6.7"."""
    plain = installed.removesuffix(".linux")
    return plain == wanted or re.fullmatch(rf"{re.escape(wanted)}-\d+", plain) is not None


def _merged(found: dict[str, Any], settings: Settings) -> dict[str, Any]:
    runtimes = _mapping(found, "runtimes")
    # keys beside the path are the operator's
    runtimes = {**runtimes, RUNTIME: {**_mapping(runtimes, RUNTIME), "path": _PATH}}
    result = {**found, "runtimes": runtimes}
    if not settings.time_namespaces:
        result["features"] = {**_mapping(found, "features"), _FEATURE: False}
    if settings.default:
        result["default-runtime"] = RUNTIME
    elif settings.default is False and found.get("default-runtime") == RUNTIME:
        # spelled out: a reloading engine keeps the old default when the key is merely gone
        result["default-runtime"] = "runc"
    return result


def _mapping(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _parsed(text: str | None) -> dict[str, Any]:
    # an unusable one is replaced by the stage docker before this is applied
    return daemon_json.parsed(text)[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
