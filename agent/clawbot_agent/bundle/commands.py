"""What programs say about the instance."""

from typing import Final

from clawbot_agent.bundle.piece import Ask, Piece
from clawbot_agent.config.model import BotConfig
from clawbot_agent.host import Host

__all__ = ["PIECES"]

_JOURNAL: Final = ("journalctl", "--no-pager", "--output=short-iso", "--all")
# unit to lines
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


def _said(argv: tuple[str, ...]) -> Ask:
    def ask(host: Host, config: BotConfig | None) -> str:
        del config
        done = host.run(argv, timeout=host.limit.remaining())
        ended = "" if done.ok else f"\n[ended with status {done.returncode}]\n"
        return done.stdout + done.stderr + ended

    return ask


PIECES: Final = (
    *(
        Piece(f"journal/{unit}.txt", _said((*_JOURNAL, f"--unit={unit}", f"--lines={lines}")))
        for unit, lines in _UNITS.items()
    ),
    Piece("journal/kernel.txt", _said((*_JOURNAL, "--dmesg", "--lines=1500"))),
    Piece("journal/errors.txt", _said((*_JOURNAL, "--priority=warning", "--lines=1500"))),
    *(Piece(name, _said(argv)) for name, argv in _COMMANDS.items()),
)
