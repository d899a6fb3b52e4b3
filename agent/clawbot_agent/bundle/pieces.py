"""The pieces of a bundle: files of the instance, output of programs, and the gateway."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clawbot_agent.bundle.redaction import MASK
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER, HEALTH_PORT
from clawbot_agent.core.paths import (
    BACKOFF_FILE,
    CONFIG_FILE,
    DAEMON_JSON,
    EVENTS_FILE,
    REPLACEMENT_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
)
from clawbot_agent.core.secret import tells_of_secret
from clawbot_agent.features.caddy.caddyfile import LIVE
from clawbot_agent.features.gateway.container_spec import CANDIDATE, PREVIOUS
from clawbot_agent.host import Host

# characters of one piece; the newest ones are kept
LARGEST: Final = 512 * 1024

Read = Callable[[Host, BotConfig | None], str | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the bundle.

    Attributes:
        name: path in the bundle.
        read: returns its text; None when there is nothing. May raise a `ClawbotError`.
        seconds: time limit of `read`.
        largest: characters to keep, from the end.
    """

    name: str
    read: Read
    seconds: float = 10.0
    largest: int = LARGEST


def tail(text: str, largest: int) -> str:
    """Return the end of `text`, from the start of a line."""
    if len(text) <= largest:
        return text
    _, _, kept = text[-largest:].partition("\n")
    return f"[{len(text) - len(kept)} earlier characters are left out]\n{kept}"


# --- files ---------------------------------------------------------------------------

_RUN: Final = Path("/run/clawbot")
_LOG: Final = Path("/var/log")
_FILES: Final = {
    "agent/status.json": STATUS_FILE,
    "agent/events.jsonl": EVENTS_FILE,
    "agent/events.jsonl.1": EVENTS_FILE.with_name("events.jsonl.1"),
    "agent/self-repairs.json": SELF_REPAIRS_FILE,
    "agent/backoff.json": BACKOFF_FILE,
    "agent/replacement.json": REPLACEMENT_FILE,
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


def _file(path: Path) -> Read:
    def read(host: Host, config: BotConfig | None) -> str | None:
        del config
        return host.files.read_text(path)

    return read


def _runtime(host: Host, config: BotConfig | None) -> str | None:
    """Return the records in /run, such as the lease's report."""
    del config
    names = [name for name in host.files.list(_RUN) if name.endswith(".json")]
    parts = [f"# {_RUN / name}\n{host.files.read_text(_RUN / name) or ''}\n" for name in names]
    return "\n".join(parts) or None


# --- programs ------------------------------------------------------------------------

_JOURNAL: Final = ("journalctl", "--no-pager", "--output=short-iso", "--all")
# unit → lines
_UNITS: Final = {
    "clawbot-agent.service": 2000,
    "clawbot-reconcile.service": 2000,
    "clawbot-gateway.service": 1000,
    "clawbot-lease.service": 1000,
    "clawbot-events.service": 500,
    "clawbot-sidecar.service": 500,
    "clawbot-ticket.service": 500,
    "docker.service": 1500,
    "caddy.service": 1000,
    "cloud-final.service": 500,
    "walinuxagent.service": 500,
}
_COMMANDS: Final = {
    "systemd/failed.txt": ("systemctl", "--no-pager", "list-units", "--failed", "--all"),
    "systemd/units.txt": ("systemctl", "--no-pager", "list-units", "--all", "--type=service,mount"),
    "systemd/timers.txt": ("systemctl", "--no-pager", "list-timers", "--all"),
    "systemd/clawbot.txt": ("systemctl", "--no-pager", "--lines=0", "status", "clawbot-*"),
    # without the share, which may not answer
    "system/df.txt": ("df", "--local", "--human-readable", "--print-type"),
    "system/inodes.txt": ("df", "--local", "--inodes"),
    "system/memory.txt": ("free", "--mebi"),
    "system/processes.txt": (
        "ps",
        "axww",
        "-o",
        "pid,ppid,user,stat,etimes,rss,args",
        "--sort=-rss",
    ),
    "system/sockets.txt": ("ss", "--no-header", "--listening", "--tcp", "--udp", "-np"),
    "system/addresses.txt": ("ip", "-brief", "address"),
    "system/routes.txt": ("ip", "route"),
    "system/loops.txt": ("losetup", "--list"),
    "system/time.txt": ("timedatectl", "--no-pager"),
    "system/kernel.txt": ("uname", "-a"),
    "docker/containers.txt": ("docker", "ps", "--all", "--no-trunc", "--size"),
    "docker/images.txt": ("docker", "images", "--all", "--digests"),
    "docker/version.txt": ("docker", "version"),
    "docker/disk.txt": ("docker", "system", "df"),
    "caddy/version.txt": ("caddy", "version"),
    "cloud-init/status.txt": ("cloud-init", "status", "--long"),
    "cloud-init/analysis.txt": ("cloud-init", "analyze", "blame"),
    "versions/packages.txt": ("dpkg-query", "--show", "docker*", "caddy", "cifs-utils", "sysbox*"),
}


def _output_of(argv: tuple[str, ...]) -> Read:
    def read(host: Host, config: BotConfig | None) -> str:
        del config
        done = host.run(argv, timeout=host.limit.remaining())
        ended = "" if done.ok else f"\n[ended with status {done.returncode}]\n"
        return done.stdout + done.stderr + ended

    return read


# --- the gateway and the sidecar -----------------------------------------------------

_HEALTH_URL: Final = f"http://127.0.0.1:{HEALTH_PORT}/health"
_GATEWAY_LINES: Final = 3000
# variables without secrets; of all others only the names are kept
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
    return host.docker.logs(GATEWAY_CONTAINER, tail=_GATEWAY_LINES)


def _openclaw_json(host: Host, config: BotConfig | None) -> str | None:
    """Return the structure, with values masked whose name suggests a secret."""
    if config is None:
        return None
    text = host.files.read_text(Path(config.state.path) / "openclaw.json")
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        # the parser's message may quote a secret
        return f"[not JSON ({type(error).__name__}), {len(text)} characters]\n"
    return json.dumps(_blinded(found), indent=2)


def _blinded(value: object, *, masked: bool = False) -> object:
    if isinstance(value, dict):
        return {
            key: _blinded(one, masked=masked or tells_of_secret(str(key)))
            for key, one in value.items()
        }
    if isinstance(value, list):
        # in a list of arguments the one before may name the secret
        return [
            _blinded(one, masked=masked or _names_secret(before))
            for before, one in zip(("", *value), value, strict=False)
        ]
    return MASK if masked and isinstance(value, str) else value


def _names_secret(argument: object) -> bool:
    return isinstance(argument, str) and argument.startswith("-") and tells_of_secret(argument)


def _health(host: Host, config: BotConfig | None) -> str:
    del config
    found = host.get_json(_HEALTH_URL, timeout=5)
    answer = {"status": found.status, "problem": found.problem, "body": found.body}
    return json.dumps(answer, indent=2)


PIECES: Final = (
    *(Piece(name, _file(path)) for name, path in _FILES.items()),
    Piece("agent/runtime.txt", _runtime),
    *(
        Piece(f"journal/{unit}.txt", _output_of((*_JOURNAL, f"--unit={unit}", f"--lines={lines}")))
        for unit, lines in _UNITS.items()
    ),
    Piece("journal/kernel.txt", _output_of((*_JOURNAL, "--dmesg", "--lines=1500"))),
    Piece("journal/errors.txt", _output_of((*_JOURNAL, "--priority=warning", "--lines=1500"))),
    *(Piece(name, _output_of(argv)) for name, argv in _COMMANDS.items()),
    Piece("gateway/containers.json", _inspected, seconds=35),
    Piece("gateway/output.txt", _output, seconds=35),
    Piece("docker/info.json", _engine, seconds=35),
    Piece("gateway/openclaw.json", _openclaw_json, seconds=15),
    Piece("sidecar/health.json", _health),
)
