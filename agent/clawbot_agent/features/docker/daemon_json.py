"""Docker's daemon.json: reading what is there, adding what is ours."""

import json
from typing import Any, Final

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.host import Host

__all__ = ["merged", "parsed", "store", "text_of", "undefined_runtime"]

_MODE: Final = 0o644


def text_of(settings: dict[str, Any]) -> str:
    """The file's text, in several lines: Sysbox's package finds `bip` with a line-wise grep."""
    return json.dumps(settings, indent=4, sort_keys=True) + "\n"


def store(host: Host, text: str) -> None:
    """Replace the file; it may hold a proxy's password, so whoever closed it keeps it closed."""
    there = host.files.stat(DAEMON_JSON)
    host.files.write(DAEMON_JSON, text, mode=_MODE if there is None else there.mode)


def parsed(text: str | None) -> tuple[dict[str, Any], bool]:
    """The settings, and whether the text was unusable."""
    if text is None or not text.strip():
        return {}, False
    try:
        found = json.loads(text)
    except ValueError:
        return {}, True
    return (found, False) if isinstance(found, dict) else ({}, True)


def merged(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """`found` with our keys; what others put there stays."""
    result = {**found, **wanted}
    options = found.get("log-opts")
    # the options of another driver would keep the engine from starting
    if isinstance(options, dict) and found.get("log-driver", "json-file") == "json-file":
        result["log-opts"] = {**options, **wanted["log-opts"]}
    return result


def undefined_runtime(found: dict[str, Any]) -> str | None:
    """Name of a default runtime that neither the engine nor the file brings."""
    name = found.get("default-runtime", "runc")
    runtimes = found.get("runtimes")
    defined = runtimes if isinstance(runtimes, dict) else {}
    builtin = name == "runc" or str(name).startswith("io.containerd.")
    return None if builtin or name in defined else str(name)
