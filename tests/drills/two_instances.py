"""Two instances of one bot: the second waits, and takes over when the first is gone."""

import time
from collections.abc import Callable
from typing import Any, Final

from tests.drills.ground import Ground, Instance
from tests.drills.replacement import same_bot
from tests.drills.report import Report
from tests.drills.watch import Watch

_TAKEOVER_SECONDS: Final = 120.0
# from power-on to waiting for the lease, on a slow machine
_WAITING_SECONDS: Final = 900.0
_TOGETHER_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.5


def two_instances(
    ground: Ground, report: Report, *, texts: int = 20, first: Instance | None = None
) -> Instance:
    """Boot a second instance next to the first, kill the first; return the second.

    Args:
        ground: of the bot.
        report: receives the results.
        texts: the number of texts that the first one remembers.
        first: a healthy instance; default: a new one.
    """
    if first is None:
        first = ground.boot()
        report.figure("first instance, power-on to healthy", first.healthy())
    first.enter()
    remembered = [f"two instances {number}" for number in range(texts)]
    with first.connected(pair=True) as client:
        for text in remembered:
            client.remember(text)
    first.flush()
    before = first.databases()
    with Watch() as watch:
        watch.add(first)
        second = ground.boot()
        _second_waits(first, second, watch, report)
        watch.drop(first)
        first.vm.power_cut()
        killed = time.monotonic()
        report.note("first instance killed")
        _wait(lambda: watch.last(second).get("lease") == "held", 3 * _TAKEOVER_SECONDS)
        taken = time.monotonic() - killed
        report.figure("kill to lease taken over", taken)
        report.demand(kept=taken <= _TAKEOVER_SECONDS, promise="taken over within 120 s")
        second.healthy()
        report.figure("kill to healthy", time.monotonic() - killed)
    never_both(watch, report)
    same_bot(second, report, remembered=remembered, before=before)
    return second


def never_both(watch: Watch, report: Report) -> None:
    """Check all samples."""
    rounds = watch.rounds
    both = [seen for seen in rounds if len(seen.samples) > 1]
    report.figure("samples", f"{len(rounds)}, {len(both)} of them on both instances")
    for what, where in (("gateways", "serving"), ("mounts of the state directory", "mounting")):
        most = max((len(getattr(seen, where)()) for seen in rounds), default=0)
        report.figure(f"maximum of simultaneous {what}", most)
        report.demand(kept=most <= 1, promise=f"never two {what}")


def _second_waits(first: Instance, second: Instance, watch: Watch, report: Report) -> None:
    second.enter()
    watch.add(second)
    _wait(lambda: watch.last(second).get("lease") == "waiting", _WAITING_SECONDS)
    report.figure("second instance, power-on to waiting", time.monotonic() - second.powered_on)
    time.sleep(_TOGETHER_SECONDS)
    holder: dict[str, Any] = watch.last(second).get("waiting_for") or {}
    report.figure("second waits for", f"{holder.get('host')} ({holder.get('instance_id')})")
    same = str(holder.get("instance_id")).lower() == first.vm.uuid.lower()
    report.demand(kept=same, promise=f"it names the holder: {holder}")
    status = second.vm.exec(("clawbot-agent", "status"), timeout=120).stdout
    report.demand(kept=first.vm.name in status, promise=f"status names the holder: {status}")


def _wait(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(_POLL_SECONDS)
