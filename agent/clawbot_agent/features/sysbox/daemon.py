"""Sysbox in docker's daemon.json and in the running engine; pure functions."""

import re
from dataclasses import dataclass
from typing import Any, Final

from clawbot_agent.features.docker import daemon_json

RUNTIME: Final = "sysbox-runc"
_PATH: Final = "/usr/bin/sysbox-runc"
_FEATURE: Final = "time-namespaces"
# docker 29.5 gives every container a time namespace; Sysbox supports them since 0.7.1 (sysbox#1011)
_TIME_NAMESPACES_SINCE: Final = (29, 5)
_TIME_NAMESPACES_SUPPORTED_SINCE: Final = (0, 7, 1)


@dataclass(frozen=True, slots=True)
class Engine:
    """The relevant properties of a running engine."""

    version: str
    kernel: str
    runtimes: frozenset[str]
    default_runtime: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The required settings in daemon.json.

    Attributes:
        default: whether Sysbox is the default runtime; None keeps what is set.
        time_namespaces: whether the engine may use them.
    """

    default: bool | None
    time_namespaces: bool

    @classmethod
    def of(cls, *, default: bool | None, version: str, engine: Engine | None) -> "Settings":
        """Return the settings for a Sysbox `version` under an engine."""
        new_engine = engine is not None and _numbers(engine.version) >= _TIME_NAMESPACES_SINCE
        supported = _numbers(version) >= _TIME_NAMESPACES_SUPPORTED_SINCE
        return cls(default=default, time_namespaces=supported or not new_engine)


def engine_of(info: dict[str, Any] | None) -> Engine | None:
    """Parse `docker info`."""
    if info is None:
        return None
    return Engine(
        version=str(info.get("ServerVersion", "")),
        kernel=str(info.get("KernelVersion", "")),
        runtimes=frozenset(info.get("Runtimes") or ()),
        default_runtime=str(info.get("DefaultRuntime", "")),
    )


def differs(text: str | None, settings: Settings) -> bool:
    """Return whether daemon.json differs from `settings`."""
    found, _ = daemon_json.parsed(text)
    return _merged(found, settings) != found


def merged(text: str | None, settings: Settings) -> str:
    """Return daemon.json with the settings; all other keys are kept."""
    # the stage docker has already replaced an unusable file
    found, _ = daemon_json.parsed(text)
    return daemon_json.text_of(_merged(found, settings))


def same_version(installed: str, wanted: str) -> bool:
    """Return whether a package version such as "0.6.7-0.linux" is release "0.6.7"."""
    plain = installed.removesuffix(".linux")
    return plain == wanted or re.fullmatch(rf"{re.escape(wanted)}-\d+", plain) is not None


def _merged(found: dict[str, Any], settings: Settings) -> dict[str, Any]:
    runtimes = _mapping(found, "runtimes")
    # other keys of the runtime are the operator's
    runtimes = {**runtimes, RUNTIME: {**_mapping(runtimes, RUNTIME), "path": _PATH}}
    result = {**found, "runtimes": runtimes}
    if not settings.time_namespaces:
        result["features"] = {**_mapping(found, "features"), _FEATURE: False}
    if settings.default:
        result["default-runtime"] = RUNTIME
    elif settings.default is False and found.get("default-runtime") == RUNTIME:
        # explicit, because a reloading engine keeps its default when the key is missing
        result["default-runtime"] = "runc"
    return result


def _mapping(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
