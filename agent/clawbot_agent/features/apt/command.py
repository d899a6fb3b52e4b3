"""Calls of apt-get and dpkg with one set of options, typed errors and apt's own timers stopped."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.apt.errors import classify, holder_pid
from clawbot_agent.host import Host

# in /run, because the timers start by themselves at boot
_STOPPED_TIMERS: Final = Path("/run/clawbot/held-timers")
_TIMERS: Final = ("apt-daily.timer", "apt-daily-upgrade.timer")
# environment variable for which our policy-rc.d refuses service starts
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
# without it apt-get update exits with 0 when no mirror answers (apt 2.6 and 2.7)
_UPDATE: Final = ("-o=APT::Update::Error-Mode=any",)
_INSTALL: Final = (
    "--yes",
    "--no-install-recommends",
    # covers dpkg's locks only; short, because the agent's own retries name the holder
    "-o=DPkg::Lock::Timeout=3",
    "-o=Dpkg::Options::=--force-confdef",
    "-o=Dpkg::Options::=--force-confold",
    # an instance that loses power during setup is replaced, not repaired
    "-o=Dpkg::Options::=--force-unsafe-io",
    "-o=Dpkg::Use-Pty=0",
)


def update(host: Host) -> None:
    """Fetch the package lists (raises as `classify`)."""
    _require(host, ("apt-get", "update", *_COMMON, *_UPDATE), timeout=_UPDATE_SECONDS)


def install(host: Host, packages: tuple[str, ...], *, options: tuple[str, ...] = ()) -> None:
    """Install packages, each a name or the path of a .deb, at once (raises as `classify`)."""
    with _timers_stopped(host):
        argv = ("apt-get", "install", *_COMMON, *_INSTALL, *options, *packages)
        _require(host, argv, timeout=_INSTALL_SECONDS)


def configure(host: Host) -> None:
    """Finish what an interrupted dpkg left half-installed (raises as `classify`)."""
    argv = ("dpkg", "--configure", "--pending", "--force-confdef", "--force-confold")
    _require(host, argv, timeout=_INSTALL_SECONDS)


def purge(host: Host, package: str) -> None:
    """Remove a package with its configuration, however broken; failures are ignored."""
    host.run(("dpkg", "--purge", "--force-remove-reinstreq", package), timeout=_UPDATE_SECONDS)


def stopped_timers(host: Host) -> tuple[str, ...]:
    """Return the timers that an installation stopped and that have not been started since."""
    return tuple((host.files.read_text(_STOPPED_TIMERS) or "").split())


def start_timers(host: Host) -> None:
    """Start the timers that an installation stopped."""
    for timer in stopped_timers(host):
        host.units.change("start", timer)
    host.files.remove(_STOPPED_TIMERS)


@contextmanager
def _timers_stopped(host: Host) -> Iterator[None]:
    """Stop apt's timers meanwhile; a killed run leaves their names in the file."""
    active = tuple(timer for timer in _TIMERS if host.units.get(timer).running)
    if active:
        stopped = dict.fromkeys((*stopped_timers(host), *active))
        host.files.write(_STOPPED_TIMERS, "\n".join(stopped) + "\n", mode=0o644)
        for timer in active:
            host.units.change("stop", timer)
    try:
        yield
    finally:
        # the installation's own error matters more; the file makes the next plan start them
        with suppress(ClawbotError):
            start_timers(host)


def _require(host: Host, argv: tuple[str, ...], *, timeout: float) -> None:
    done = host.run(argv, timeout=timeout, env={HOLD: "1"})
    if done.ok:
        return
    output = f"{done.stdout}\n{done.stderr}"
    pid = holder_pid(output)
    arguments = None if pid is None else host.files.read_text(Path(f"/proc/{pid}/cmdline"))
    holder = (arguments or "").replace("\0", " ").strip()[:_SHOWN_COMMAND]
    raise classify(output, command=" ".join(argv[:2]), holder=holder or None)
