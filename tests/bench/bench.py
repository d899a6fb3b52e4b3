"""One bench: starts, enters and removes a bare instance and its stand-in for Azure."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from tests.bench import (
    azure,
    builder,
    host_setup,
    launch,
    network,
    outlive,
    rundir,
    slots,
    trust,
)
from tests.bench.azure import ca
from tests.bench.azure.control import Control
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.files import Files
from tests.bench.heartbeat import Say, heartbeat, step
from tests.bench.machine import Machine
from tests.bench.network import Network
from tests.bench.state import Process, State, locked
from tests.bench.vm import keys, wire
from tests.bench.vm.fleet import Vms

REPOSITORY: Final = outlive.REPOSITORY
HOME: Final = REPOSITORY / ".bench"
_BOOT_SECONDS: Final = 90.0
_SERVICES_SECONDS: Final = 30.0


def existing() -> list[str]:
    """Return the names of this checkout's benches that have a run directory, running or not."""
    return sorted(path.name for path in (HOME / "run").glob("[!.]*"))


class Bench:
    """The bench called `name`; benches with different names can run at the same time.

    Args:
        name: letters, digits and dashes; the directory below .bench/run.
        machine: whether `up` boots the container; if not, the bench has Azure Files and virtual
            machines: see `files` and `vms`.
        say: receives a line for each finished step, and more during long ones.
    """

    def __init__(
        self, name: str = "demo", *, machine: bool = True, say: Say = lambda _line: None
    ) -> None:
        if not name.replace("-", "").isalnum():
            msg = f"a bench's name has only letters, digits and dashes, not {name!r}"
            raise BenchError(msg)
        self.name = name
        self.run_dir = HOME / "run" / name
        self.cache_dir = HOME / "cache"
        self._with_machine = machine
        self._say = say
        self._lock = HOME / "locks" / name

    @property
    def root(self) -> Path:
        """The machine's root file system, as a directory of the host."""
        return self.run_dir / "root"

    @property
    def network(self) -> Network:
        """Its network addresses and interface names.

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
        """Control of the Azure services: secrets, faults and recorded requests."""
        return Control(self.run_dir / "azure.sock")

    @property
    def files(self) -> Files:
        """Azure Files, on a bench without a machine.

        Raises:
            BenchError: this bench does not run.
        """
        return Files(self.run_dir, self.network, self.azure)

    @property
    def vms(self) -> Vms:
        """The virtual machines, on a bench without a machine.

        Raises:
            BenchError: this bench does not run.
        """
        return Vms(self.run_dir, self.cache_dir, self.network, self.azure)

    def running(self) -> bool:
        """Return whether `up` completed and all its processes still run."""
        state = State.load(self.run_dir)
        alive = state is not None and all(item.alive() for item in state.processes.values())
        return alive and state is not None and state.ready

    def up(self) -> bool:
        """Start the bench; return false if it already runs. A failed start is cleaned up.

        Raises:
            BenchError: a step failed; the message contains the end of its output.
        """
        with locked(self._lock):
            if self.running():
                return False
            with self._step("host packages"):
                more = () if self._with_machine else host_setup.VM_PACKAGES
                host_setup.ensure((*azure.HOST_PACKAGES, *more))
            with heartbeat("removing the remains of an earlier bench", self._say):
                self._take_down()
            try:
                self._bring_up()
            except BaseException:
                # covers Ctrl-C and SIGTERM, which the command line turns into exceptions
                rundir.keep_logs(self.run_dir, HOME / "failed" / self.name)
                self._take_down()
                raise
        return True

    def down(self) -> bool:
        """Remove the bench or the remains of a killed `up`; return whether there were any.

        Removes processes, machine, mounts, namespaces, interface, firewall table, control groups
        and run directory. Keeps the cache, the lock file and the logs of a failed start.
        """
        with locked(self._lock):
            found = self.run_dir.exists() or slots.of(self.run_dir) is not None
            self._take_down()
        return found

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine as root and capture its output.

        Args:
            command: a string for bash, or an argv sequence.
            timeout: in seconds; then it is killed.
            stdin: its standard input.

        Raises:
            BenchError: this bench does not run.
            subprocess.TimeoutExpired: it was killed after the timeout.
        """
        supervisor = self._supervisor()
        return self._machine(self.network).exec(
            supervisor, command, capture_output=True, timeout=timeout, stdin=stdin
        )

    def enter(self, command: str | Sequence[str]) -> tuple[str, ...]:
        """Return the argv that runs a command in the machine with the caller's own streams."""
        return self._machine(self.network).enter(self._supervisor(), command)

    def __enter__(self) -> Self:
        """Start the bench for a with block."""
        self.up()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Remove it."""
        self.down()

    def _machine(self, net: Network) -> Machine:
        return Machine(root=self.root, name=f"cb{net.index}", namespace=net.vm_namespace)

    def _running(self) -> State:
        state = State.load(self.run_dir)
        if state is None:
            msg = (
                f"bench {self.name!r} does not run; start it with 'make up BENCH_NAME={self.name}'"
            )
            raise BenchError(msg)
        return state

    def _supervisor(self) -> Process:
        state = self._running()
        if "machine" not in state.processes:
            msg = f"the machine of bench {self.name!r} has not been started"
            raise BenchError(msg)
        return state.processes["machine"]

    def _bring_up(self) -> None:
        rundir.make(self.run_dir)
        state = State(index=slots.claim(self.run_dir))
        state.save(self.run_dir)
        net = Network(state.index)
        with self._step("root file system and Azure's artifacts"):
            source = self._build(state)
        with self._step("network"):
            slots.enable_forwarding()
            net.up(azure.ADDRESSES.values(), instance=self._with_machine)
        with self._step("Azure's services"):
            self._start_services(state, net)
        if source is not None:
            with self._step("machine"):
                self._boot(state, net, source)
        replace(state, ready=True).save(self.run_dir)

    def _build(self, state: State) -> Path | None:
        if not self._with_machine:
            # the cached disks of virtual machines contain this authority's certificate
            shutil.copytree(keys.get(Cache(self.cache_dir)).ca_dir, self._ca_dir())
        wanted = ("rootfs", "azure") if self._with_machine else ("azure",)
        builders = {
            what: builder.start(what, self.cache_dir, self._ca_dir(), self.run_dir)
            for what in wanted
        }
        for what, started in builders.items():
            self._record(state, f"builder-{what}", Process.of(started.pid))
        outputs = {what: started.communicate()[0] for what, started in builders.items()}
        for what, started in builders.items():
            del state.processes[f"builder-{what}"]
            builder.check(what, started, self.run_dir)
        state.save(self.run_dir)
        return Path(outputs["rootfs"].strip()) if self._with_machine else None

    def _start_services(self, state: State, net: Network) -> None:
        names = {name: azure.ADDRESSES[service] for name, service in azure.NAMES.items()}
        inside = ("ip", "netns", "exec", net.azure_namespace)
        self._start(state, "dns", (*inside, *network.dns_arguments(names, self.run_dir)))
        serve = ("-m", "tests.bench.azure", "serve", "--run-dir", str(self.run_dir))
        argv = (*inside, sys.executable, *serve, "--cache", str(self.cache_dir))
        self._start(state, "azure", argv)
        if not self._with_machine:
            self._start(state, "dhcp", (*inside, *wire.dhcp_arguments(net, self.run_dir)))
        self._wait_for_services(state)
        if not self._with_machine:
            Files(self.run_dir, net, self.azure).create()

    def _wait_for_services(self, state: State) -> None:
        deadline = time.monotonic() + _SERVICES_SECONDS
        while not (self.run_dir / "azure.ready").exists():
            dead = [name for name, process in state.processes.items() if not process.alive()]
            if dead or time.monotonic() > deadline:
                what = (
                    f"{' and '.join(dead)} exited"
                    if dead
                    else f"azure: not ready within {_SERVICES_SECONDS:.0f} s"
                )
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
        """Start a program that outlives this command, in the bench's control group."""
        path = self.run_dir / (log or f"{name}.out.log")
        group = outlive.group(state.index)
        return self._record(state, name, outlive.start(argv, group=group, log=path, restarts=True))

    def _record(self, state: State, name: str, process: Process) -> Process:
        state.processes[name] = process
        state.save(self.run_dir)
        return process

    def _ca_dir(self) -> Path:
        return self.run_dir / "ca"

    def _take_down(self) -> None:
        index = slots.of(self.run_dir)
        state = State.load(self.run_dir)
        if state is not None:
            outlive.stop_all(state)
        if index is not None:
            net = Network(index)
            launch.clear(outlive.group(index))
            net.down()
            slots.release(index)
        rundir.discard(self.run_dir, None if index is None else f"cb{index}")

    def _step(self, what: str) -> AbstractContextManager[None]:
        return step(what, self._say)
