"""Command line: `.venv/bin/python -m tests.drills replacement --backend share`."""

import argparse
import sys
from collections.abc import Callable
from typing import Final

from tests.bench import azure, host_setup, product
from tests.bench.bench import Bench
from tests.bench.ending import interrupt_on_signals
from tests.bench.errors import BenchError
from tests.bench.product_vm import BotVms
from tests.drills.before_gateway import before_gateway
from tests.drills.controlled import controlled
from tests.drills.frozen import frozen
from tests.drills.ground import Ground
from tests.drills.mount_faults import mount_faults
from tests.drills.outage import outage
from tests.drills.power_cuts import in_lanes
from tests.drills.replacement import replacement
from tests.drills.report import Report
from tests.drills.smb_ops import smb_ops
from tests.drills.terminate import terminate
from tests.drills.two_instances import two_instances
from tests.drills.wrong_hash import wrong_hash

_Drill = Callable[[BotVms, argparse.Namespace, Report], object]


def main() -> int:
    """Run the named drills; return 1 if a promise was broken."""
    options = _parser().parse_args()
    interrupt_on_signals()
    bench = Bench(options.name, machine=False, say=_say)
    reports = []
    try:
        host_setup.ensure((*azure.HOST_PACKAGES, *product.HOST_PACKAGES))
        for drill in options.drill:
            report = Report(f"{drill} {options.backend}", _say)
            reports.append(report)
            _run(bench, options, drill, report)
    except KeyboardInterrupt:
        pass
    finally:
        if not options.keep:
            bench.down()
    for report in reports:
        _say("\n" + report.table())
    return 1 if any(report.broken for report in reports) else 0


def _run(bench: Bench, options: argparse.Namespace, drill: str, report: Report) -> None:
    """Run one drill on its own bench."""
    bench.down()
    bench.up()
    bots = BotVms(bench, user_mode=options.uml)
    bots.publish()
    try:
        _DRILLS[drill](bots, options, report)
    except (AssertionError, BenchError) as error:
        report.demand(kept=False, promise=f"the drill completed: {error}")


def _ground(bots: BotVms, options: argparse.Namespace) -> Ground:
    # loading the container image takes minutes when emulated, and is not what the drill tests
    ground = Ground(bots, backend=options.backend, baked_image=True)
    ground.prepare()
    return ground


def _replacement(bots: BotVms, options: argparse.Namespace, report: Report) -> None:
    ground = Ground(bots, backend=options.backend)
    ground.prepare(seed=not options.build)
    replacement(ground, report, built=options.build)
    bots.keep_images()


def _power_cuts(bots: BotVms, options: argparse.Namespace, report: Report) -> None:
    lanes = [
        Ground(
            bots,
            backend=options.backend,
            share=f"lane{lane}",
            prefix=f"lane{lane}-",
            baked_image=True,
        )
        for lane in range(options.lanes)
    ]
    for ground in lanes:
        ground.prepare()
    in_lanes(lanes, report, count=options.count, seed=options.seed)


_DRILLS: Final[dict[str, _Drill]] = {
    "replacement": _replacement,
    "power-cuts": _power_cuts,
    "frozen": lambda bots, options, report: frozen(
        _ground(bots, options), report, count=options.count, seed=options.seed
    ),
    "two-instances": lambda bots, options, report: two_instances(_ground(bots, options), report),
    "terminate": lambda bots, options, report: terminate(_ground(bots, options), report),
    "preempt": lambda bots, options, report: terminate(
        _ground(bots, options), report, kind="Preempt", notice=30
    ),
    "outage": lambda bots, options, report: outage(_ground(bots, options), report),
    "smb-ops": lambda bots, options, report: smb_ops(
        _ground(bots, options), report, minutes=options.minutes
    ),
    "mount-faults": lambda bots, _options, report: mount_faults(bots, report),
    "controlled": lambda bots, _options, report: controlled(bots, report),
    "before-gateway": lambda bots, options, report: before_gateway(_ground(bots, options), report),
    "wrong-hash": lambda bots, options, report: wrong_hash(_ground(bots, options), report),
}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.drills",
        description="Cause Azure's events and failures on a bot in virtual machines.",
    )
    parser.add_argument("drill", nargs="+", choices=_DRILLS)
    parser.add_argument("--name", default="drills", help="name of the bench (default: %(default)s)")
    parser.add_argument("--backend", choices=("image", "share"), default="image")
    parser.add_argument(
        "--uml", action="store_true", help="user-mode Linux instead of QEMU: faster, one CPU"
    )
    parser.add_argument("--keep", action="store_true", help="keep the last bench running")
    parser.add_argument(
        "--build",
        action="store_true",
        help="replacement: start without a container image on the share",
    )
    parser.add_argument(
        "--count", type=int, default=20, help="power-cuts, frozen: number of repetitions"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="power-cuts, frozen: random seed of the times"
    )
    parser.add_argument(
        "--lanes", type=int, default=1, help="power-cuts: number of bots in parallel"
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="smb-ops: how long to count")
    return parser


if __name__ == "__main__":
    sys.exit(main())
