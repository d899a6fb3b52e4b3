"""The verb `vm` of the bench's command line: manual control of virtual machines."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.bench import Bench
    from tests.bench.vm.machine import Vm

_SSH_SECONDS: Final = 600.0


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and its sub-verbs."""
    parser = verbs.add_parser("vm", help="manage virtual machines, on a bench without a container")
    inner = parser.add_subparsers(dest="vm_verb", required=True)
    inner.add_parser("up", help="start such a bench: Azure's services and Azure Files")
    boot = inner.add_parser("boot", help="create a machine and power it on")
    boot.add_argument("--custom-data", type=Path, help="custom data file; default: none")
    boot.add_argument(
        "--packages", default="", help="Debian packages to bake in, separated by commas"
    )
    boot.add_argument("--memory-mb", type=int, default=4096)
    boot.add_argument("--cpus", type=int, default=2)
    boot.add_argument("--uml", action="store_true", help="with user-mode Linux instead of QEMU")
    boot.add_argument("--uuid", help="default: a new one, that is, a new instance")
    boot.add_argument("--no-wait", action="store_true", help="do not wait for SSH")
    inner.add_parser("list", help="list all machines")
    run = inner.add_parser("exec", help="run a shell command in the machine as root")
    inner.add_parser("wait", help="wait for SSH")
    inner.add_parser("shell", help="open an interactive shell")
    console = inner.add_parser("console", help="print its serial console")
    console.add_argument("-f", "--follow", action="store_true", help="follow until Ctrl-C")
    inner.add_parser("cut", help="cut its power")
    inner.add_parser("on", help="power it on again")
    inner.add_parser("off", help="press its power button and wait")
    inner.add_parser("delete", help="delete it and its disk")
    for name, verb in inner.choices.items():
        if name not in {"up", "list"}:
            verb.add_argument("vm", help="the machine's name")
    run.add_argument("command", nargs=argparse.REMAINDER, help="default: the variable CMD")


def run(bench: "Bench", options: argparse.Namespace) -> int:
    """Run one sub-verb.

    Raises:
        BenchError: no such machine or bench, or the operation failed.
    """
    if options.vm_verb in {"up", "boot"}:
        bench.up()
    if options.vm_verb == "boot":
        _boot(bench, options)
    elif options.vm_verb == "list":
        for vm in bench.vms.list():
            print(f"{vm.name}: {'on' if vm.running() else 'off'} at {vm.address}, {vm.uuid}")
    elif options.vm_verb != "up":
        return _of_one(bench.vms.get(options.vm), options)
    return 0


def _boot(bench: "Bench", options: argparse.Namespace) -> None:
    custom_data = options.custom_data.read_bytes() if options.custom_data else b""
    packages = [name for name in options.packages.split(",") if name]
    vm = bench.vms.boot(
        options.vm,
        custom_data=custom_data,
        disk=bench.vms.disk(extra_packages=packages, user_mode=options.uml),
        uuid=options.uuid,
        memory_mb=options.memory_mb,
        cpus=options.cpus,
    )
    print(f"{vm.name}: on at {vm.address}, {vm.uuid}; console: {vm.console}", flush=True)
    if not options.no_wait:
        vm.wait_for_ssh(timeout=_SSH_SECONDS)


def _of_one(vm: "Vm", options: argparse.Namespace) -> int:
    switches: dict[str, Callable[[], None]] = {
        "cut": vm.power_cut,
        "on": vm.power_on,
        "off": vm.shutdown,
        "delete": vm.delete,
        "wait": lambda: vm.wait_for_ssh(timeout=_SSH_SECONDS),
    }
    if options.vm_verb in switches:
        switches[options.vm_verb]()
    elif options.vm_verb == "console":
        return _console(vm.console, follow=options.follow)
    elif options.vm_verb == "shell":
        _become(vm.enter("exec bash -l", terminal=True))
    else:
        # joined with spaces, as ssh does; `--` separates the command's options from the bench's
        words = options.command[options.command[:1] == ["--"] :]
        command = " ".join(words) or os.environ.get("CMD", "")
        if not command:
            msg = "no command: give one as an argument or in the variable CMD"
            raise BenchError(msg)
        _become(vm.enter(command, terminal=sys.stdin.isatty() and sys.stdout.isatty()))
    return 0


def _console(path: Path, *, follow: bool) -> int:
    flags = ("--lines=+1", *(("--follow",) if follow else ()))
    return subprocess.run(("tail", *flags, str(path)), check=False).returncode


def _become(argv: tuple[str, ...]) -> None:
    os.execvp(argv[0], argv)  # noqa: S606 - an argv list; streams, signals and exit code pass through
