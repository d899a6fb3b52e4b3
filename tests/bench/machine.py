"""The bare instance itself: a systemd container with its own network namespace."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.commands import run
from tests.bench.errors import BenchError
from tests.bench.state import Process

HOSTNAME: Final = "bot"
_SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# systemd takes this real-time signal as "power off" (systemd(1))
_POWEROFF: Final = signal.SIGRTMIN + 4


@dataclass(frozen=True, slots=True)
class Machine:
    """A root file system at `root`, started by systemd-nspawn under the name `name`."""

    root: Path
    name: str
    namespace: str

    def prepare(self, *, source: Path, address: str, dns: str) -> None:
        """Copy a fresh root file system and give it its name and resolver."""
        run("cp", "-a", "--reflink=auto", str(source), str(self.root))
        hosts = ("127.0.0.1 localhost", "::1 localhost ip6-localhost", f"{address} {HOSTNAME}")
        files = {
            "etc/hostname": f"{HOSTNAME}\n",
            "etc/hosts": "".join(f"{line}\n" for line in hosts),
            "etc/resolv.conf": f"nameserver {dns}\n",
        }
        for path, text in files.items():
            (self.root / path).unlink(missing_ok=True)
            (self.root / path).write_text(text)

    def argv(self) -> tuple[str, ...]:
        """The command that boots it; needs no systemd on the host."""
        # /dev/fuse is there on every real instance
        devices = ("--bind=/dev/fuse",) if Path("/dev/fuse").exists() else ()
        return (
            *("env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "TERM=dumb"),
            # a cloud image keeps /tmp on its disk: large, and with device files
            "SYSTEMD_NSPAWN_TMPFS_TMP=0",
            *("systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}"),
            *(f"--machine={self.name}", f"--hostname={HOSTNAME}"),
            *("--register=no", "--keep-unit", "--console=read-only", "--resolv-conf=off"),
            *("--timezone=off", "--link-journal=no", "--capability=all"),
            # runc joins a session keyring for each container, and loads device programs
            "--system-call-filter=add_key keyctl bpf",
            f"--network-namespace-path=/run/netns/{self.namespace}",
            *devices,
        )

    def wait_until_booted(self, supervisor: Process, *, seconds: float) -> None:
        """Return when systemd inside says that everything is up.

        Raises:
            BenchError: it ended, did not come up in time, or units failed (they are named).
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and supervisor.alive():
            verdict = self._system_state(supervisor)
            if verdict == "running":
                return
            if verdict == "degraded":
                failed = ("systemctl", "--failed", "--no-legend", "--plain")
                units = self.exec(supervisor, failed, capture_output=True).stdout
                msg = f"the machine came up with failed units:\n{units}"
                raise BenchError(msg)
            time.sleep(0.1)
        log = self.root.parent / "console.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        why = "did not come up in time" if supervisor.alive() else "ended while booting"
        msg = f"the machine {why}; the end of {log}:\n{tail}"
        raise BenchError(msg)

    def _system_state(self, supervisor: Process) -> str:
        try:
            question = ("systemctl", "is-system-running", "--wait")
            done = self.exec(supervisor, question, capture_output=True, timeout=60)
        except (BenchError, subprocess.TimeoutExpired):
            return "offline"
        return done.stdout.strip()

    def exec(
        self,
        supervisor: Process,
        command: str | Sequence[str],
        *,
        capture_output: bool = False,
        timeout: float | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root: a string by bash, a sequence as it is.

        Raises:
            BenchError: the machine does not run.
            subprocess.TimeoutExpired: it took longer than `timeout` seconds; it was killed.
        """
        return subprocess.run(
            self.enter(supervisor, command),
            capture_output=capture_output,
            timeout=timeout,
            input=stdin,
            text=True,
            check=False,
        )

    def enter(self, supervisor: Process, command: str | Sequence[str]) -> tuple[str, ...]:
        """Argv on the host of a command inside, with the environment of a root login.

        Raises:
            BenchError: the machine does not run.
        """
        init = init_pid(supervisor)
        if init is None:
            msg = "the machine does not run"
            raise BenchError(msg)
        argv = ("/bin/bash", "-c", command) if isinstance(command, str) else tuple(command)
        variables = {
            "HOME": "/root",
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/bash",
            "PATH": _SEARCH_PATH,
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
            **read_environment(self.root / "etc/environment"),
        }
        return (
            *("nsenter", "--target", str(init), "-m", "-u", "-i", "-n", "-p", "-C", "--"),
            # whoever kills the outer process means the inner one as well
            *("setpriv", "--pdeathsig", "KILL", "env", "-i", "-C", "/root"),
            *(f"{name}={value}" for name, value in variables.items()),
            *argv,
        )


def init_pid(supervisor: Process) -> int | None:
    """The host's number of the machine's process 1; it changes when the machine reboots."""
    if not supervisor.alive():
        return None
    container = _only_child(supervisor.pid)
    return None if container is None else _only_child(container)


def _only_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(children[0]) if children else None


def stop(supervisor: Process, *, grace_seconds: float) -> None:
    """Power off; kill what has not ended after the grace."""
    init = init_pid(supervisor)
    if init is not None:
        machine = Process.of(init)
        machine.stop(first=_POWEROFF, grace_seconds=grace_seconds)
    supervisor.stop(grace_seconds=2.0)


def read_environment(path: Path) -> Mapping[str, str]:
    """Variables of /etc/environment: one NAME=value a line, optionally quoted (pam_env(8))."""
    lines = path.read_text().splitlines() if path.is_file() else []
    pairs = [line.partition("=") for line in lines if not line.startswith("#")]
    return {name.strip(): value.strip().strip("\"'") for name, sep, value in pairs if sep}
