"""Azure announces the deletion of the instance, and deletes it as soon as that is approved."""

import time
from collections.abc import Callable
from typing import Any, Final

from tests.bench.azure.control import Control
from tests.bench.azure.imds_document import SCALE_SET
from tests.bench.azure.scheduled_events import scheduled_event
from tests.drills.ground import Ground, Instance
from tests.drills.replacement import same_bot
from tests.drills.report import Report

_NOTICED_SECONDS: Final = 30.0
_REPORT: Final = "/run/clawbot/scheduled-events.json"
_POLL_SECONDS: Final = 0.5
_TEXTS: Final = 50


def terminate(
    ground: Ground,
    report: Report,
    *,
    kind: str = "Terminate",
    notice: float = 300.0,
    first: Instance | None = None,
) -> Instance:
    """Remember texts, announce, cut at the approval, boot another; return the last instance.

    The drill flushes nothing: the last remembered text must be kept too.

    Args:
        ground: of the bot.
        report: receives the results.
        kind: of the event.
        notice: seconds from its announcement until it starts without an approval.
        first: a healthy instance; default: a new one.
    """
    if first is None:
        first = ground.boot()
        report.figure("first instance, power-on to healthy", first.healthy())
    first.enter()
    before = first.databases()
    remembered = [f"terminate {number}" for number in range(_TEXTS)]
    with first.connected(pair=True) as client:
        for text in remembered:
            client.remember(text)
    started = _announced(ground, first, report, kind=kind, notice=notice)
    first.vm.power_cut()
    report.note("instance killed")
    if started is not None:
        report.figure("event started by", started["by"])
        approved = started["by"] == "approval"
        report.demand(kept=approved, promise="the event is approved before its NotBefore")
    _control(ground).set("imds", events=[])
    first.vm.delete()
    second = ground.boot()
    report.figure("next instance, power-on to healthy", second.healthy())
    second.enter()
    lease = second.lease()
    report.figure("lease of the next one", f"{lease.get('state')}, clean {lease.get('clean')}")
    report.demand(kept=lease.get("clean") is True, promise="the lease was released")
    same_bot(second, report, remembered=remembered, before=before)
    return second


def _announced(
    ground: Ground, instance: Instance, report: Report, *, kind: str, notice: float
) -> dict[str, Any] | None:
    """Announce the event and wait until it starts; return when and why it did."""
    name, began = f"{SCALE_SET}_{instance.vm.name}", time.monotonic()
    event = scheduled_event(kind, name, seconds=notice, event_id="DRILL")
    _control(ground).set("imds", events=[event])
    report.note(f"{kind} announced, {notice:.0f} s from now")
    noticed = _wait(lambda: "true" in _leaving(instance), _NOTICED_SECONDS)
    report.figure("announced to noticed", time.monotonic() - began)
    report.demand(kept=noticed, promise=f"noticed within {_NOTICED_SECONDS:.0f} s")
    started: dict[str, dict[str, Any]] = {}

    def has_started() -> bool:
        started.update(_control(ground).get("imds")["started"])
        return bool(started)

    _wait(has_started, notice + _NOTICED_SECONDS)
    report.figure("announced to approved or started", time.monotonic() - began)
    return started.get("DRILL")


def _leaving(instance: Instance) -> str:
    done = instance.vm.exec(("grep", "leaving", _REPORT), timeout=60)
    return str(done.stdout)


def _control(ground: Ground) -> Control:
    return ground.bots.bench.azure


def _wait(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
