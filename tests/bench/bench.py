"""One bench: a bare instance and Azure's side of it, brought up, entered and taken down."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from tests.bench import azure, host_setup, launch, machine, network, rundir, slots, trust
from tests.bench.azure import ca
from tests.bench.azure.control import Control
from tests.bench.errors import BenchError
from tests.bench.machine import Machine
from tests.bench.network import Network
from tests.bench.state import Process, State, locked

REPOSITORY: Final = Path(__file__).resolve().parents[2]
HOME: Final = REPOSITORY / ".bench"
_BOOT_SECONDS: Final = 90.0
_SERVICES_SECONDS: Final = 30.0
_POWEROFF_SECONDS: Final = 5.0

_OUTLIVING: Final[list[subprocess.Popen[bytes]]] = []

Say = Callable[[str], None]


class Bench:
    """The bench called `name`; several run side by side under different names.

    Args:
        name: letters, digits and dashes; the directory below .bench/run.
        say: is given one line for each step done.
    """

    def __init__(self, name: str = "demo", *, say: Say = lambda _line: None) -> None:
        if not name.replace("-", "").isalnum():
            msg = f"a bench's name holds letters, digits and dashes only, not {name!r}"
            raise BenchError(msg)
        self.name = name
        self.run_dir = HOME / "run" / name
        self.cache_dir = HOME / "cache"
        self._say = say
        self._lock = HOME / "locks" / name

    @property
    def root(self) -> Path:
        """The machine's root file system, as a directory of the host."""
        return self.run_dir / "root"

    @property
    def network(self) -> Network:
        """Its addresses and names.

        Raises:
            BenchError: this bench does not run.
        """
        return Network(self._running().index)

    @property
    def address(self) -> str:
        """The IPv4 address at which the host reaches the machine.

        Raises:
            BenchError: this bench does not run.
        """
        return self.network.instance

    @property
    def azure(self) -> Control:
        """Control of Azure's side: secrets, faults, what was asked."""
        return Control(self.run_dir / "azure.sock")

    def running(self) -> bool:
        """Whether `up` came to its end and nothing has died since."""
        state = State.load(self.run_dir)
        alive = state is not None and all(item.alive() for item in state.processes.values())
        return alive and state is not None and state.ready

    def up(self) -> bool:
        """Bring it up; false when it ran already. What fails half-way is taken down again.

        Raises:
            BenchError: a step failed; the message holds the last words of what failed.
        """
        with locked(self._lock):
            if self.running():
                return False
            with self._step("host packages"):
                host_setup.ensure(azure.HOST_PACKAGES)
            self._take_down()
            try:
                self._bring_up()
            except BaseException:
                # also on Ctrl-C and SIGTERM, which the command line turns into exceptions
                rundir.keep_logs(self.run_dir, HOME / "failed" / self.name)
                self._take_down()
                raise
        return True

    def down(self) -> None:
        """Remove every trace, also of an `up` that was killed; fine when nothing runs."""
        with locked(self._lock):
            self._take_down()

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root and capture what it says.

        Args:
            command: a string for bash, or a sequence that is run as it is.
            timeout: seconds until it is killed.
            stdin: what it reads.

        Raises:
            BenchError: this bench does not run.
            subprocess.TimeoutExpired: it took too long.
        """
        supervisor = self._supervisor()
        return self._machine(self.network).exec(
            supervisor, command, capture_output=True, timeout=timeout, stdin=stdin
        )

    def enter(self, command: str | Sequence[str]) -> tuple[str, ...]:
        """Argv on the host of a command inside, for callers that pass on their own streams."""
        return self._machine(self.network).enter(self._supervisor(), command)

    def __enter__(self) -> Self:
        """Bring it up for the time of a with block."""
        self.up()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Take it down."""
        self.down()

    def _machine(self, net: Network) -> Machine:
        return Machine(root=self.root, name=f"cb{net.index}", namespace=net.vm_namespace)

    def _running(self) -> State:
        state = State.load(self.run_dir)
        if state is None:
            msg = f"no bench called {self.name!r} runs; `make up` starts one"
            raise BenchError(msg)
        return state

    def _supervisor(self) -> Process:
        state = self._running()
        if "machine" not in state.processes:
            msg = f"the machine of bench {self.name!r} was not started"
            raise BenchError(msg)
        return state.processes["machine"]

    def _bring_up(self) -> None:
        rundir.make(self.run_dir)
        state = State(index=slots.claim(self.run_dir))
        state.save(self.run_dir)
        net = Network(state.index)
        with self._step("root file system and Azure's artefacts"):
            source = self._build(state)
        with self._step("network"):
            slots.enable_forwarding()
            net.up(azure.ADDRESSES.values())
        with self._step("Azure's services"):
            self._start_services(state, net)
        with self._step("machine"):
            self._boot(state, net, source)
        replace(state, ready=True).save(self.run_dir)

    def _build(self, state: State) -> Path:
        builders = {what: self._start_builder(state, what) for what in ("rootfs", "azure")}
        outputs = {what: builder.communicate()[0] for what, builder in builders.items()}
        for what, builder in builders.items():
            del state.processes[f"builder-{what}"]
            if builder.returncode != 0:
                log = (self.run_dir / f"builder-{what}.log").read_text()
                tail = "\n".join(log.splitlines()[-20:])
                msg = f"building {what} failed:\n{tail}"
                raise BenchError(msg)
        state.save(self.run_dir)
        return Path(outputs["rootfs"].strip())

    def _start_builder(self, state: State, what: str) -> subprocess.Popen[str]:
        argv = (sys.executable, "-m", "tests.bench.builder", what, self.cache_dir, self._ca_dir())
        with (self.run_dir / f"builder-{what}.log").open("w") as log:
            builder = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *map(str, argv)),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._record(state, f"builder-{what}", builder.pid)
        return builder

    def _start_services(self, state: State, net: Network) -> None:
        names = {name: azure.ADDRESSES[service] for name, service in azure.NAMES.items()}
        inside = ("ip", "netns", "exec", net.azure_namespace)
        self._start(state, "dns", (*inside, *network.dns_arguments(names, self.run_dir)))
        serve = ("-m", "tests.bench.azure", "serve", "--run-dir", str(self.run_dir))
        argv = (*inside, sys.executable, *serve, "--cache", str(self.cache_dir))
        self._start(state, "azure", argv)
        self._wait_for_services(state)

    def _wait_for_services(self, state: State) -> None:
        deadline = time.monotonic() + _SERVICES_SECONDS
        while not (self.run_dir / "azure.ready").exists():
            dead = [name for name, process in state.processes.items() if not process.alive()]
            if dead or time.monotonic() > deadline:
                what = f"{' and '.join(dead)} ended" if dead else "azure is not ready in time"
                logs = "".join(path.read_text() for path in sorted(self.run_dir.glob("*.log")))
                msg = f"{what}:\n{logs[-3000:]}"
                raise BenchError(msg)
            time.sleep(0.05)

    def _boot(self, state: State, net: Network, source: Path) -> None:
        host = self._machine(net)
        host.prepare(source=source, address=net.instance, dns=network.DNS_ADDRESS)
        trust.install(self.root, ca.ensure(self._ca_dir()), name="bench-ca")
        supervisor = self._start(state, "machine", host.argv(), log="console.log")
        host.wait_until_booted(supervisor, seconds=_BOOT_SECONDS)

    def _start(
        self, state: State, name: str, argv: Sequence[str], *, log: str | None = None
    ) -> Process:
        """Start something that outlives this command, in this bench's own control group."""
        group = (sys.executable, "-m", "tests.bench.launch", _group(state.index))
        with (self.run_dir / (log or f"{name}.out.log")).open("ab") as output:
            started = subprocess.Popen(
                (*group, *argv),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # it is ended by pid and not by this object, which would complain when it is collected
        _OUTLIVING.append(started)
        return self._record(state, name, started.pid)

    def _record(self, state: State, name: str, pid: int) -> Process:
        state.processes[name] = Process.of(pid)
        state.save(self.run_dir)
        return state.processes[name]

    def _ca_dir(self) -> Path:
        return self.run_dir / "ca"

    def _take_down(self) -> None:
        index = slots.of(self.run_dir)
        state = State.load(self.run_dir)
        if state is not None:
            _stop_processes(state)
        if index is not None:
            net = Network(index)
            launch.clear(_group(index))
            net.down()
            slots.release(index)
        rundir.discard(self.run_dir, None if index is None else f"cb{index}")

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._say(f"{time.monotonic() - started:6.1f} s  {what}")


def _stop_processes(state: State) -> None:
    for name, process in state.processes.items():
        if name.startswith("builder-") and process.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if "machine" in state.processes:
        machine.stop(state.processes["machine"], grace_seconds=_POWEROFF_SECONDS)
    for process in state.processes.values():
        process.stop()


def _group(index: int) -> str:
    return f"clawbot-bench-{index}"
