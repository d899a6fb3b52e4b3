"""Docker's daemon.json: parse it, merge the agent's settings into it, store it."""

import json
from typing import Any, Final

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.host import Host

_MODE: Final = 0o644


def text_of(settings: dict[str, Any]) -> str:
    """Return the file's text in several lines: Sysbox's package greps for the line with `bip`."""
    return json.dumps(settings, indent=4, sort_keys=True) + "\n"


def store(host: Host, text: str) -> None:
    """Replace the file and keep its mode, because it may hold a proxy's password."""
    found = host.files.stat(DAEMON_JSON)
    host.files.write(DAEMON_JSON, text, mode=_MODE if found is None else found.mode)


def parsed(text: str | None) -> tuple[dict[str, Any], bool]:
    """Return the settings, and whether the text is unusable."""
    if text is None or not text.strip():
        return {}, False
    try:
        found = json.loads(text)
    except ValueError:
        return {}, True
    return (found, False) if isinstance(found, dict) else ({}, True)


def merged(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return `found` with the agent's keys; other keys are kept."""
    result = {**found, **wanted}
    options = found.get("log-opts")
    # with the options of another driver the engine does not start
    if isinstance(options, dict) and found.get("log-driver", "json-file") == "json-file":
        result["log-opts"] = {**options, **wanted["log-opts"]}
    return result


def undefined_runtime(found: dict[str, Any]) -> str | None:
    """Return the name of a default runtime that neither the engine nor the file defines."""
    name = found.get("default-runtime", "runc")
    runtimes = found.get("runtimes")
    defined = runtimes if isinstance(runtimes, dict) else {}
    builtin = name == "runc" or str(name).startswith("io.containerd.")
    return None if builtin or name in defined else str(name)
