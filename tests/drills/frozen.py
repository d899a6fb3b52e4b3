"""Many snapshots of the share while a bot writes, each as a power cut would leave it.

The next boot finds what the server had at the time of a cut. So the machine is stopped (SIGSTOP:
no further instruction or request), the data image is copied on the server, and the machine
continues. Each copy is then treated as at a boot, at native speed. The drill is `power_cuts`
without the boots, which take minutes each without hardware acceleration.
"""

import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench.cache import Cache
from tests.drills.aftermath import Aftermath, check, freeze, openclaw_root
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.drills.writer import Flusher, Writer
from tests.support.openclaw_client import lost

_MOMENTS: Final = (1.0, 6.0)
# requests already sent reach the server, as they would in a power cut
_ARRIVED_SECONDS: Final = 0.3


def frozen(
    ground: Ground,
    report: Report,
    *,
    count: int = 20,
    seed: int = 1,
    instance: Instance | None = None,
) -> Instance:
    """Take and check `count` snapshots of a writing bot's data image; return the instance.

    Args:
        ground: of the bot; backend image.
        report: receives the results.
        count: the number of snapshots.
        seed: for their random times.
        instance: a healthy one; default: a new one.
    """
    root = openclaw_root(Cache(ground.bots.bench.cache_dir))
    if instance is None:
        instance = ground.boot()
        report.figure("first boot, power-on to healthy", instance.healthy())
    instance.enter()
    dice = random.Random(seed)  # noqa: S311 - repeatable times, no secrets
    # next to the share, on the same file system
    with tempfile.TemporaryDirectory(dir=ground.bots.bench.run_dir) as name:
        with instance.connected(pair=True) as client:
            instance.flush()
            identity = instance.databases().identity
            writer = Writer(client, f"frozen {time.time():.0f} text", pause=0.05)
            flusher = Flusher(instance, writer)
            writer.start()
            flusher.start()
            moments = []
            for number in range(1, count + 1):
                time.sleep(dice.uniform(*_MOMENTS))
                moments.append(_moment(ground, instance, Path(name) / f"{number}.ext4", flusher))
            writer.stop()
            flusher.stop()
        report.figure("texts acknowledged, flushed", f"{len(writer.texts)}, {flusher.safe}")
        for number, (image, safe, at) in enumerate(moments, 1):
            found = check(image, root)
            acknowledged = [text for text, when in writer.acknowledged if when <= at]
            late = [
                when
                for text, when in writer.acknowledged[: len(acknowledged)]
                if text not in found.texts
            ]
            report.figure(
                f"moment {number}",
                f"{len(acknowledged)} acknowledged, {safe} flushed, {len(late)} missing"
                + (f" (the oldest {at - min(late):.1f} s old)" if late else "")
                + f"; {found.repair}; {found.databases.sound} databases sound, "
                f"{len(found.databases.damaged)} damaged; OpenClaw "
                + ("ready" if not found.served else "NOT ready"),
            )
            _demand(report, number, found, lost(acknowledged[:safe], found.texts), identity)
            image.unlink()
    return instance


def _moment(
    ground: Ground, instance: Instance, target: Path, flusher: Flusher
) -> tuple[Path, int, float]:
    """Take a snapshot; return the copy, the number of safe texts, and the time."""
    process = instance.vm.process()
    assert process is not None
    state = ground.bots.bench.files.directory(ground.share) / "state"
    image = max(state.glob("state-*.ext4"))
    process.send(signal.SIGSTOP)
    at, safe = time.monotonic(), flusher.safe
    try:
        time.sleep(_ARRIVED_SECONDS)
        freeze(image, target)
    finally:
        process.send(signal.SIGCONT)
    return target, safe, at


def _demand(report: Report, number: int, found: Aftermath, gone: list[str], identity: str) -> None:
    demand = report.demand
    demand(kept=not gone, promise=f"snapshot {number}: no flushed text is lost: {gone[:3]}")
    damaged = found.databases.damaged
    demand(kept=not damaged, promise=f"snapshot {number}: no database is damaged: {damaged}")
    same = found.databases.identity == identity != ""
    demand(kept=same, promise=f"snapshot {number}: the gateway's identity is kept")
    demand(kept=not found.served, promise=f"snapshot {number}: OpenClaw serves: {found.served}")
