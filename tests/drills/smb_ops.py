"""What an idle bot asks of the share in an hour, and what that costs in a month."""

import time
from typing import Final

from tests.drills.ground import Ground, Instance
from tests.drills.pricing import TIERS, operations, per_hour
from tests.drills.replacement import wait_until_converged
from tests.drills.report import Report

_DOLLARS: Final = 1.0
# what follows a start: caches are written, and the kernel keeps what is to be written for ten
# minutes
_QUIET_SECONDS: Final = 720.0


def smb_ops(
    ground: Ground,
    report: Report,
    *,
    minutes: float = 30.0,
    quiet: float = _QUIET_SECONDS,
    instance: Instance | None = None,
) -> Instance:
    """Leave a healthy bot alone and count; its instance.

    Args:
        ground: of the bot.
        report: is filled.
        minutes: how long to count; OpenClaw has work of its own every half hour.
        quiet: seconds to wait before.
        instance: healthy; one is booted without.
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
    report.demand(kept=bool(rates), promise="operations were counted at all")
    report.demand(kept=cheapest < _DOLLARS, promise=f"under $1 a month: ${cheapest:.2f}")
    return instance


def _stats(instance: Instance) -> str:
    return instance.vm.exec(("cat", "/proc/fs/cifs/Stats"), timeout=60).stdout
