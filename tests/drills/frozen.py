"""Many moments of one writing, each of them as a power cut would leave it on the share.

What the server has at the moment of a cut is what the next boot finds. So the machine is stopped
(SIGSTOP to QEMU: not an instruction more, no request more), the image is copied as it is on the
server, and the machine goes on. Each copy is then treated as at a boot, at native speed. It is
`power_cuts` without the boots, which cost minutes each without hardware acceleration.
"""

import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench.cache import Cache
from tests.drills.aftermath import Aftermath, freeze, look, openclaw_root
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.drills.writer import Flusher, Writer
from tests.support.openclaw_client import lost

_MOMENTS: Final = (1.0, 6.0)
# requests that are on their way reach the server, as they would when the power goes
_ARRIVED_SECONDS: Final = 0.3


def frozen(
    ground: Ground,
    report: Report,
    *,
    count: int = 20,
    seed: int = 1,
    instance: Instance | None = None,
) -> Instance:
    """Freeze a writing bot's image `count` times and look at each; the bot's instance.

    Args:
        ground: of the bot; backend image.
        report: is filled.
        count: moments.
        seed: of the moments.
        instance: healthy; one is booted without.
    """
    root = openclaw_root(Cache(ground.bots.bench.cache_dir))
    if instance is None:
        instance = ground.boot()
        report.figure("first boot, power-on to healthy", instance.healthy())
    instance.enter()
    dice = random.Random(seed)  # noqa: S311 - moments that can be repeated, no secrets
    # beside the share, on the same file system
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
            found = look(image, root)
            acknowledged = [text for text, when in writer.acknowledged if when <= at]
            late = [
                when
                for text, when in writer.acknowledged[: len(acknowledged)]
                if text not in found.texts
            ]
            report.figure(
                f"moment {number}",
                f"{len(acknowledged)} acknowledged, {safe} flushed, {len(late)} not there"
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
    """Stop the machine, copy, go on; the copy, how many texts were safe, and when it was."""
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
    demand(kept=not gone, promise=f"moment {number}: nothing flushed is lost: {gone[:3]}")
    damaged = found.databases.damaged
    demand(kept=not damaged, promise=f"moment {number}: no database is damaged: {damaged}")
    same = found.databases.identity == identity != ""
    demand(kept=same, promise=f"moment {number}: the identity stays")
    demand(kept=not found.served, promise=f"moment {number}: OpenClaw serves: {found.served}")
