"""Calling apt-get and dpkg: one set of options, typed errors, nobody else's timers."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.apt.messages import classify, holder_pid
from clawbot_agent.host import Host
from clawbot_agent.host.commands import Completed

__all__ = ["HOLD", "configure", "held_timers", "install", "purge", "release_timers", "update"]

# in /run: after a boot the timers run anyway
_HELD_TIMERS: Final = Path("/run/clawbot/held-timers")
_TIMERS: Final = ("apt-daily.timer", "apt-daily-upgrade.timer")
# tells our policy-rc.d that services must not start
HOLD: Final = "CLAWBOT_HOLD_SERVICES"
_UPDATE_SECONDS: Final = 300
_INSTALL_SECONDS: Final = 540
_SHOWN_COMMAND: Final = 120
_COMMON: Final = (
    "-o=Acquire::Retries=3",
    "-o=Acquire::http::Timeout=20",
    "-o=Acquire::https::Timeout=20",
    "-o=Acquire::Languages=none",
)
# without it apt-get update ends with 0 when no mirror answers (apt 2.6 and 2.7)
_UPDATE: Final = ("-o=APT::Update::Error-Mode=any",)
_INSTALL: Final = (
    "--yes",
    "--no-install-recommends",
    # covers dpkg's locks only; short, because the retries above it name the holder
    "-o=DPkg::Lock::Timeout=3",
    "-o=Dpkg::Options::=--force-confdef",
    "-o=Dpkg::Options::=--force-confold",
    # an instance that loses power while it is set up is replaced, not repaired
    "-o=Dpkg::Options::=--force-unsafe-io",
    "-o=Dpkg::Use-Pty=0",
)


def update(host: Host) -> None:
    """Fetch the package lists (raises as `classify`)."""
    _require(host, ("apt-get", "update", *_COMMON, *_UPDATE), timeout=_UPDATE_SECONDS)


def install(host: Host, packages: tuple[str, ...], *, options: tuple[str, ...] = ()) -> None:
    """Install packages by name or by path of a .deb, in one transaction (raises as `classify`)."""
    with _timers_held(host):
        argv = ("apt-get", "install", *_COMMON, *_INSTALL, *options, *packages)
        _require(host, argv, timeout=_INSTALL_SECONDS)


def configure(host: Host) -> None:
    """Finish what a dpkg that was cut off left half-way (raises as `classify`)."""
    argv = ("dpkg", "--configure", "--pending", "--force-confdef", "--force-confold")
    _require(host, argv, timeout=_INSTALL_SECONDS)


def purge(host: Host, package: str) -> bool:
    """Remove a package with its configuration, however broken; whether that worked."""
    return host.run(
        ("dpkg", "--purge", "--force-remove-reinstreq", package), timeout=_UPDATE_SECONDS
    ).ok


def held_timers(host: Host) -> tuple[str, ...]:
    """Timers that an installation stopped and that do not run again yet."""
    return tuple((host.files.read_text(_HELD_TIMERS) or "").split())


def release_timers(host: Host) -> None:
    """Start the timers again that an installation stopped."""
    for timer in held_timers(host):
        host.units.change("start", timer)
    host.files.remove(_HELD_TIMERS)


@contextmanager
def _timers_held(host: Host) -> Iterator[None]:
    """Nothing else may start to use apt in between; a killed run leaves the file behind."""
    active = tuple(timer for timer in _TIMERS if host.units.get(timer).running)
    if active:
        held = dict.fromkeys((*held_timers(host), *active))
        host.files.write(_HELD_TIMERS, "\n".join(held) + "\n", mode=0o644)
        for timer in active:
            host.units.change("stop", timer)
    try:
        yield
    finally:
        # the installation's own error matters more; the file makes the next plan start them
        with suppress(ClawbotError):
            release_timers(host)


def _require(host: Host, argv: tuple[str, ...], *, timeout: float) -> Completed:
    done = host.run(argv, timeout=timeout, env={HOLD: "1"})
    if done.ok:
        return done
    output = f"{done.stdout}\n{done.stderr}"
    raise classify(output, doing=" ".join(argv[:2]), holder=_command_line(host, output))


def _command_line(host: Host, output: str) -> str | None:
    pid = holder_pid(output)
    if pid is None:
        return None
    text = host.files.read_text(Path(f"/proc/{pid}/cmdline")) or ""
    return text.replace("\0", " ").strip()[:_SHOWN_COMMAND] or None
