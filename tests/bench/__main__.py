"""Command line of the bench: `python3 -m tests.bench VERB`; `--help` lists the verbs."""

import argparse
import json
import os
import sys
import time
from typing import Final

from tests.bench.azure.control import ControlError
from tests.bench.bench import HOME, REPOSITORY, Bench, existing
from tests.bench.cache import Cache
from tests.bench.ending import interrupt_on_signals
from tests.bench.errors import BenchError
from tests.bench.heartbeat import heartbeat, say
from tests.bench.vm import commands

_EPILOG: Final = """\
exec and shell return the exit code of the command that ran inside. `make exec CMD='…'` does the
same, but GNU make turns every exit code other than 0 into 2. Without arguments, exec takes the
command from the environment variable CMD.
"""


def main() -> int:
    """Run one verb; return 1 and print the error on standard error when it fails."""
    options = _parser().parse_args()
    interrupt_on_signals()
    try:
        return _run(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    machine = options.verb != "vm"
    bench = Bench(options.name, machine=machine, say=say)
    match options.verb:
        case "up":
            _up(bench)
        case "down":
            _down(existing() if options.all else [bench.name])
        case "address":
            print(bench.address)
        case "exec":
            # joined with spaces, as ssh does; `--` separates the command's options from the bench's
            words = options.command[options.command[:1] == ["--"] :]
            _become(bench, " ".join(words) or os.environ.get("CMD", ""))
        case "shell":
            _become(bench, "exec bash -l")
        case "azure":
            _azure(bench, options.service, options.settings)
        case "status":
            return _status(bench)
        case "vm":
            return commands.run(bench, options)
    return 0


def _up(bench: Bench) -> None:
    started = time.monotonic()
    if bench.up():
        print(f"{time.monotonic() - started:6.1f} s  up: bench {bench.name!r} at {bench.address}")
    else:
        print(f"bench {bench.name!r} already runs, at {bench.address}")


def _down(names: list[str]) -> None:
    removed = [name for name in names if _remove(name)]
    if removed:
        cache = Cache(HOME / "cache")
        size = cache.size() / 1e9
        print(f"kept for the next bench: {cache.root.relative_to(REPOSITORY)} ({size:.1f} GB)")


def _remove(name: str) -> bool:
    with heartbeat(f"removing bench {name!r}"):
        found = Bench(name).down()
    print(f"bench {name!r}: {'removed' if found else 'nothing to remove'}")
    return found


def _become(bench: Bench, command: str) -> None:
    if not command:
        msg = "no command: give one as an argument or in the variable CMD"
        raise BenchError(msg)
    argv = bench.enter(command)
    os.execvp(argv[0], argv)  # noqa: S606 - an argv list; streams, signals and exit code pass through


def _azure(bench: Bench, service: str, settings: list[str]) -> None:
    given = dict(setting.partition("=")[::2] for setting in settings)
    try:
        bench.azure.set(service, **{key: _value(text) for key, text in given.items()})
        print(json.dumps(bench.azure.get(service), indent=2))
    except (ControlError, OSError) as error:
        msg = f"azure {service}: {error}"
        raise BenchError(msg) from error


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _status(bench: Bench) -> int:
    for path in sorted((HOME / "run").glob("*/state.json")):
        other = Bench(path.parent.name)
        print(f"{other.name}: {'running' if other.running() else 'broken'} at {other.address}")
    return 0 if bench.running() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.bench",
        description="A bare instance and a stand-in for Azure on this host.",
        epilog=_EPILOG,
    )
    parser.add_argument("--name", default="demo", help="name of the bench (default: %(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="start the bench from scratch; does nothing if it already runs")
    runner = verbs.add_parser("exec", help="run a shell command in the machine as root")
    runner.add_argument("command", nargs=argparse.REMAINDER, help="default: the variable CMD")
    verbs.add_parser("address", help="print the machine's address, as reached from the host")
    down = verbs.add_parser("down", help="remove the bench, if any; the cache is kept")
    down.add_argument("--all", action="store_true", help="remove every bench of this checkout")
    azure = verbs.add_parser("azure", help="show the state of an Azure service, or inject faults")
    azure.add_argument("service", help="imds, keyvault, arm, github, registry or wireserver")
    azure.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="for example forbidden_for=20 (keyvault) or script=[410,404,500] (imds)",
    )
    verbs.add_parser("shell", help="open an interactive shell in the machine")
    verbs.add_parser("status", help="list benches; exit 0 if this one runs")
    commands.add_parser(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
