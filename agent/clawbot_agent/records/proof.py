"""Tests that passed, so that they run again only when something has changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent.core.paths import CACHE_DIR
from clawbot_agent.records.record import Record, RecordFile


@dataclass(frozen=True, slots=True)
class SmokeRecord(Record):
    """The versions with which a container ran under Sysbox: sysbox-smoke.json."""

    sysbox: str
    engine: str
    kernel: str


@dataclass(frozen=True, slots=True)
class ShareTestRecord(Record):
    """The path, and mount id and point below it, on which the share took a write: share.json."""

    path: str
    mount: int | None
    point: str | None


SMOKE: Final = RecordFile(CACHE_DIR / "sysbox-smoke.json", SmokeRecord)
# in /run, because only a write can show that a share takes writes: it is tested again at each boot
SHARE_TEST: Final = RecordFile(Path("/run/clawbot/share.json"), ShareTestRecord)
