"""The bare instance: a systemd container with its own network namespace."""

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
# systemd powers off on this real-time signal (systemd(1))
_POWEROFF: Final = signal.SIGRTMIN + 4


@dataclass(frozen=True, slots=True)
class Machine:
    """A root file system at `root`, run by systemd-nspawn under the name `name`."""

    root: Path
    name: str
    namespace: str

    def prepare(self, *, source: Path, address: str, dns: str) -> None:
        """Copy a fresh root file system and set its host name and resolver."""
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
        """Return the argv that boots it; the host needs no systemd."""
        # every real instance has /dev/fuse
        devices = ("--bind=/dev/fuse",) if Path("/dev/fuse").exists() else ()
        return (
            *("env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "TERM=dumb"),
            # a cloud image has /tmp on its disk: large, and device files work
            "SYSTEMD_NSPAWN_TMPFS_TMP=0",
            *("systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}"),
            *(f"--machine={self.name}", f"--hostname={HOSTNAME}"),
            *("--register=no", "--keep-unit", "--console=read-only", "--resolv-conf=off"),
            *("--timezone=off", "--link-journal=no", "--capability=all"),
            # runc joins a session keyring for each container and loads BPF device programs
            "--system-call-filter=add_key keyctl bpf",
            f"--network-namespace-path=/run/netns/{self.namespace}",
            *devices,
        )

    def wait_until_booted(self, supervisor: Process, *, seconds: float) -> None:
        """Wait until systemd in the machine reports 'running'.

        Raises:
            BenchError: it exited, did not boot in time, or units failed (the message names them).
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and supervisor.alive():
            verdict = self._system_state(supervisor)
            if verdict == "running":
                return
            if verdict == "degraded":
                failed = ("systemctl", "--failed", "--no-legend", "--plain")
                units = self.exec(supervisor, failed, capture_output=True).stdout
                msg = f"the machine booted with failed units:\n{units}"
                raise BenchError(msg)
            time.sleep(0.1)
        log = self.root.parent / "console.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        why = "did not boot in time" if supervisor.alive() else "exited while booting"
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
        """Run a command in the machine as root: a string with bash, a sequence as argv.

        Raises:
            BenchError: the machine does not run.
            subprocess.TimeoutExpired: it was killed after `timeout` seconds.
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
        """Return the argv that runs a command in the machine with a root login's environment.

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
            # killing the outer process must kill the inner one too
            *("setpriv", "--pdeathsig", "KILL", "env", "-i", "-C", "/root"),
            *(f"{name}={value}" for name, value in variables.items()),
            *argv,
        )


def init_pid(supervisor: Process) -> int | None:
    """Return the host pid of the machine's process 1; it changes on a reboot."""
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
    """Power off; kill it if it still runs after the grace period."""
    init = init_pid(supervisor)
    if init is not None:
        machine = Process.of(init)
        machine.stop(first=_POWEROFF, grace_seconds=grace_seconds)
    supervisor.stop(grace_seconds=2.0)


def read_environment(path: Path) -> Mapping[str, str]:
    """Return the variables of /etc/environment: NAME=value lines, optional quotes (pam_env(8))."""
    lines = path.read_text().splitlines() if path.is_file() else []
    pairs = [line.partition("=") for line in lines if not line.startswith("#")]
    return {name.strip(): value.strip().strip("\"'") for name, sep, value in pairs if sep}
