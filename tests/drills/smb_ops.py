"""An idle bot's requests to the share per hour, and their price per month."""

import time
from typing import Final

from tests.drills.ground import Ground, Instance
from tests.drills.pricing import TIERS, operations, per_hour
from tests.drills.replacement import wait_until_converged
from tests.drills.report import Report

_DOLLARS: Final = 1.0
# after a start, caches are written, and the kernel delays writes for ten minutes
_QUIET_SECONDS: Final = 720.0


def smb_ops(
    ground: Ground,
    report: Report,
    *,
    minutes: float = 30.0,
    quiet: float = _QUIET_SECONDS,
    instance: Instance | None = None,
) -> Instance:
    """Count the requests of an idle, healthy bot; return its instance.

    Args:
        ground: of the bot.
        report: receives the results.
        minutes: how long to count; OpenClaw has periodic work every half hour.
        quiet: time to wait before, in seconds.
        instance: a healthy one; default: a new one.
    """
    if instance is None:
        instance = ground.boot()
        report.figure("first boot, power-on to healthy", instance.healthy())
    instance.enter()
    wait_until_converged(instance)
    time.sleep(quiet)
    before, began = _stats(instance), time.monotonic()
    time.sleep(minutes * 60)
    after, seconds = _stats(instance), time.monotonic() - began
    rates = per_hour(operations(before), operations(after), seconds)
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        report.figure(f"{name} an hour", f"{rate:.0f}")
    report.figure("all operations an hour", f"{sum(rates.values()):.0f}")
    for tier in TIERS:
        report.figure(f"a month, {tier.name}", f"${tier.monthly(rates):.2f}")
    cheapest = min(tier.monthly(rates) for tier in TIERS)
    report.demand(kept=bool(rates), promise="operations were counted")
    report.demand(kept=cheapest < _DOLLARS, promise=f"under $1 a month: ${cheapest:.2f}")
    return instance


def _stats(instance: Instance) -> str:
    return instance.vm.exec(("cat", "/proc/fs/cifs/Stats"), timeout=60).stdout
