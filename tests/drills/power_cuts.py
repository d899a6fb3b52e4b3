"""Power cuts at random times while a bot writes; no flushed data is lost."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.bench.commands import run
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.drills.writer import Flusher, Writer
from tests.support.inside import Databases
from tests.support.openclaw_client import NotPairedError, lost

# long enough for a write to be in progress, short enough for the next cut
_MOMENTS: Final = (3.0, 30.0)


@dataclass(slots=True)
class _Lane:
    """One bot whose power is cut repeatedly."""

    ground: Ground
    report: Report
    instance: Instance
    dice: random.Random
    identity: str = ""

    def cut(self, number: int, *, replace: bool) -> None:
        """Perform one cut: write, cut, boot, compare."""
        writer, safe, cut_at = self._write_until_the_cut(number)
        left = left_behind(self.ground)
        if replace:
            self.instance.vm.delete()
            self.instance = self.ground.boot()
        else:
            self.instance.power_on()
        seconds = self.instance.healthy()
        self.instance.enter()
        try:
            with self.instance.connected() as client:
                recalled = client.recall()
        except NotPairedError:
            self.report.demand(kept=False, promise=f"cut {number}: the bot knows its devices")
            return
        found = self.instance.databases()
        gone = lost(writer.texts[:safe], recalled)
        late = [when for text, when in writer.acknowledged if text not in recalled]
        age = f", the oldest {cut_at - min(late):.1f} s before" if late else ""
        self.report.figure(
            f"cut {number}",
            f"{'new instance' if replace else 'same instance'}, healthy after {seconds:.0f} s, "
            f"{len(writer.texts)} texts acknowledged, {safe} flushed, {len(gone)} of these lost, "
            f"{len(late)} in all{age}; {left}; {found.sound} databases sound, "
            f"{len(found.damaged)} damaged",
        )
        self._demand(number, gone, found)

    def _demand(self, number: int, gone: list[str], found: Databases) -> None:
        demand = self.report.demand
        demand(kept=not gone, promise=f"cut {number}: no flushed text is lost: {gone[:3]}")
        demand(
            kept=not found.damaged, promise=f"cut {number}: no database is damaged: {found.damaged}"
        )
        same = found.identity == self.identity
        demand(kept=same, promise=f"cut {number}: the gateway's identity is kept")

    def _write_until_the_cut(self, number: int) -> tuple[Writer, int, float]:
        with self.instance.connected() as client:
            writer = Writer(client, f"cut {number} text")
            flusher = Flusher(self.instance, writer)
            writer.start()
            flusher.start()
            time.sleep(self.dice.uniform(*_MOMENTS))
            self.instance.vm.power_cut()
            cut_at, safe = time.monotonic(), flusher.safe
            client.abort()
            writer.stop()
            flusher.stop()
        return writer, safe, cut_at


def power_cuts(  # noqa: PLR0913 - the settings of one drill
    ground: Ground,
    report: Report,
    *,
    count: int = 20,
    seed: int = 1,
    replace_every: int = 5,
    instance: Instance | None = None,
) -> Instance:
    """Cut the power of a healthy bot `count` times; return the last instance.

    Args:
        ground: of the bot.
        report: receives the results.
        count: the number of cuts.
        seed: for their random times.
        replace_every: after every n-th cut a new instance boots instead of the same one; 0: never.
        instance: a healthy one; default: a new one.
    """
    if instance is None:
        instance = ground.boot()
        report.figure("first boot, power-on to healthy", instance.healthy())
    instance.enter()
    with instance.connected(pair=True):
        pass
    # only data on the share survives, which must include the pairing
    instance.flush()
    dice = random.Random(seed)  # noqa: S311 - repeatable times, no secrets
    lane = _Lane(ground, report, instance, dice, instance.databases().identity)
    for number in range(1, count + 1):
        lane.cut(number, replace=bool(replace_every) and number % replace_every == 0)
    return lane.instance


def in_lanes(grounds: list[Ground], report: Report, *, count: int, seed: int) -> None:
    """Distribute the cuts over several bots in parallel."""
    shares = [count // len(grounds) + (lane < count % len(grounds)) for lane in range(len(grounds))]
    reports = [Report(f"{report.title} {ground.prefix}", report.say) for ground in grounds]
    with ThreadPoolExecutor(len(grounds)) as pool:
        lanes = [
            pool.submit(power_cuts, ground, lane_report, count=cuts, seed=seed + index)
            for index, (ground, lane_report, cuts) in enumerate(
                zip(grounds, reports, shares, strict=True)
            )
        ]
    for ground, lane_report, lane in zip(grounds, reports, lanes, strict=True):
        for what, value in lane_report.figures.items():
            report.figures[f"{ground.prefix} {what}"] = value
        report.broken += lane_report.broken
        if error := lane.exception():
            report.demand(kept=False, promise=f"{ground.prefix}: {error}")


def left_behind(ground: Ground) -> str:
    """Return what the cut left on the share for the next boot to repair."""
    state = ground.bots.bench.files.directory(ground.share) / "state"
    if ground.backend == "image":
        images = sorted(state.glob("state-*.ext4"))
        replay = "needs_recovery" in run("dumpe2fs", "-h", str(images[-1])) if images else False
        return "journal to be replayed" if replay else "file system clean"
    journals = [*(state / "files").rglob("*.sqlite-journal"), *state.rglob("*.sqlite-wal")]
    return f"{len(journals)} journals of databases"
