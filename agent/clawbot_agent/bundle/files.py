"""Files of the instance: what the agent wrote, what configures it, what others logged."""

from pathlib import Path
from typing import Final

from clawbot_agent.bundle.piece import Ask, Piece
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.paths import (
    CONFIG_FILE,
    DAEMON_JSON,
    EVENTS_FILE,
    PACE_FILE,
    REPAIR_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
)
from clawbot_agent.features.caddy.caddyfile import LIVE
from clawbot_agent.host import Host

__all__ = ["PIECES"]

_RUN: Final = Path("/run/clawbot")
_LOG: Final = Path("/var/log")
_FILES: Final = {
    "agent/status.json": STATUS_FILE,
    "agent/events.jsonl": EVENTS_FILE,
    "agent/events.jsonl.1": EVENTS_FILE.with_name("events.jsonl.1"),
    "agent/self-repairs.json": SELF_REPAIRS_FILE,
    "agent/pace.json": PACE_FILE,
    "agent/repair.json": REPAIR_FILE,
    "config/config.yaml": CONFIG_FILE,
    "config/daemon.json": DAEMON_JSON,
    "caddy/Caddyfile": LIVE,
    "caddy/Caddyfile.refused": LIVE.with_suffix(".refused"),
    "cloud-init/cloud-init.log": _LOG / "cloud-init.log",
    "cloud-init/cloud-init-output.log": _LOG / "cloud-init-output.log",
    "cloud-init/result.json": Path("/run/cloud-init/result.json"),
    "system/waagent.log": _LOG / "waagent.log",
    "system/apt-history.log": _LOG / "apt/history.log",
    "system/apt-terminal.log": _LOG / "apt/term.log",
    "system/mounts.txt": Path("/proc/self/mountinfo"),
    "system/meminfo.txt": Path("/proc/meminfo"),
    "system/load.txt": Path("/proc/loadavg"),
    "system/pressure-memory.txt": Path("/proc/pressure/memory"),
    "system/pressure-io.txt": Path("/proc/pressure/io"),
    "system/uptime.txt": Path("/proc/uptime"),
    "system/smb.txt": Path("/proc/fs/cifs/DebugData"),
    "versions/os-release.txt": Path("/etc/os-release"),
}


def _text(path: Path) -> Ask:
    def ask(host: Host, config: BotConfig | None) -> str | None:
        del config
        return host.files.read_text(path)

    return ask


def _runtime(host: Host, config: BotConfig | None) -> str | None:
    """What the agent's parts tell each other, such as the lease's report."""
    del config
    names = [name for name in host.files.list(_RUN) if name.endswith(".json")]
    parts = [f"# {_RUN / name}\n{host.files.read_text(_RUN / name) or ''}\n" for name in names]
    return "\n".join(parts) or None


PIECES: Final = (
    *(Piece(name, _text(path)) for name, path in _FILES.items()),
    Piece("agent/runtime.txt", _runtime),
)
