"""An instance is deleted without warning; the next one is the same bot."""

import time
from typing import Final

from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.support.inside import Databases
from tests.support.openclaw_client import NotPairedError, lost

_SETTLE_SECONDS: Final = 3600.0
_POLL_SECONDS: Final = 5.0


def replacement(
    ground: Ground,
    report: Report,
    *,
    texts: int = 50,
    built: bool = False,
    first: Instance | None = None,
) -> Instance:
    """Boot, remember texts, kill, boot another; return the last instance.

    Args:
        ground: an empty share.
        report: receives the results.
        texts: the number of texts that the bot remembers.
        built: the first instance builds the container image; wait until it is on the share.
        first: a healthy instance; default: a new one.
    """
    if first is None:
        first = ground.boot()
        report.figure("first boot, power-on to healthy", first.healthy(within=_SETTLE_SECONDS))
    first.enter()
    if built:
        wait_until_converged(first)
        report.figure("first boot, all stages done", time.monotonic() - first.powered_on)
    remembered = [f"replacement {number}" for number in range(texts)]
    with first.connected(pair=True) as client:
        began = time.monotonic()
        for text in remembered:
            client.remember(text)
        report.figure(f"{texts} texts remembered in", time.monotonic() - began)
    first.flush()
    before = first.databases()
    first.vm.power_cut()
    first.vm.delete()
    report.note("instance killed, its disk deleted")
    second = ground.boot()
    report.figure("replacement, power-on to healthy", second.healthy())
    same_bot(second, report, remembered=remembered, before=before)
    report.figure("container image", _image_reason(second))
    return second


def same_bot(
    instance: Instance, report: Report, *, remembered: list[str], before: Databases
) -> None:
    """Compare a healthy instance with its predecessor."""
    instance.enter()
    try:
        with instance.connected() as client:
            gone = lost(remembered, client.recall())
    except NotPairedError:
        report.demand(kept=False, promise="the bot knows its devices")
        return
    report.figure("texts kept", f"{len(remembered) - len(gone)} of {len(remembered)}")
    report.demand(kept=not gone, promise=f"no text is lost: {gone[:3]}")
    after = instance.databases()
    report.figure("databases sound", f"{after.sound}, damaged {len(after.damaged)}")
    report.demand(kept=not after.damaged, promise=f"no database is damaged: {after.damaged}")
    report.demand(
        kept=after.identity == before.identity != "",
        promise=f"the gateway's identity is kept: {before.identity} {after.identity}",
    )


def wait_until_converged(instance: Instance) -> None:
    """Wait until the agent's run has ended."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while instance.last_run().get("result") not in ("converged", "degraded"):
        assert time.monotonic() < deadline, f"the run does not end: {instance.last_run()}"
        time.sleep(_POLL_SECONDS)


def _image_reason(instance: Instance) -> str:
    stages = instance.last_run().get("stages", [])
    found = [stage for stage in stages if stage["name"] == "image"]
    return "; ".join(f"{stage['reason']} ({stage['seconds']:.0f} s)" for stage in found)
