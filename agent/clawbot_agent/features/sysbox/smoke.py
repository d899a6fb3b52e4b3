"""The proof that Sysbox works: a container that runs with it.

That it worked is remembered for the same Sysbox, engine and kernel; forgetting it only
means that it is proved again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.paths import CACHE_DIR
from clawbot_agent.features.sysbox.daemon import RUNTIME, Engine, engine_of
from clawbot_agent.features.sysbox.errors import SysboxSmokeFailedError
from clawbot_agent.host import Host
from clawbot_agent.host.docker import DockerCallError
from clawbot_agent.records.smoke import SMOKE, SmokeRecord

__all__ = ["Smoke", "smoke_record"]

_IMAGE: Final = "clawbot/smoke:1"
_BUSYBOX: Final = Path("/usr/bin/busybox")
_ARCHIVE: Final = CACHE_DIR / "smoke.tar"
_TIMEOUT: Final = 60.0
_SHOWN: Final = 400


def smoke_record(version: str, engine: Engine) -> SmokeRecord:
    """Return the record of a smoke test that passed with this engine."""
    return SmokeRecord(sysbox=version, engine=engine.version, kernel=engine.kernel)


@dataclass(frozen=True, slots=True)
class Smoke:
    """Run a small container with the runtime."""

    version: str
    why: str

    @property
    def summary(self) -> str:
        """With which runtime, and why."""
        return f"run a container with --runtime={RUNTIME} ({self.why})"

    def apply(self, host: Host) -> None:
        """Run it, and remember that it ran.

        Raises:
            SysboxSmokeFailedError: with what the engine or the container said.
        """
        if host.docker.image(_IMAGE) is None:
            _make_image(host)
        config = {
            "Image": _IMAGE,
            "Cmd": ["/busybox", "true"],
            "NetworkDisabled": True,
            "HostConfig": {"Runtime": RUNTIME, "NetworkMode": "none"},
        }
        try:
            ended = host.docker.run_once(config, timeout=_TIMEOUT)
        except DockerCallError as error:
            raise SysboxSmokeFailedError(error.message[:_SHOWN]) from error
        if ended.status != 0:
            said = " ".join(ended.output.split())[:_SHOWN]
            msg = f"a container with {RUNTIME} ended with status {ended.status}: {said}"
            raise SysboxSmokeFailedError(msg)
        if engine := engine_of(host.docker.info()):
            SMOKE.save(host.files, smoke_record(self.version, engine))


def _make_image(host: Host) -> None:
    # statically linked, so it is a whole root file system by itself; no registry is needed
    host.files.mkdir(CACHE_DIR, mode=0o755)
    place = ("--directory", str(_BUSYBOX.parent), "--dereference")
    argv = ("tar", "--create", "--file", str(_ARCHIVE), *place, _BUSYBOX.name)
    try:
        host.run(argv, timeout=30).require()
        host.docker.import_image(_ARCHIVE, tag=_IMAGE)
    finally:
        host.files.remove(_ARCHIVE)
