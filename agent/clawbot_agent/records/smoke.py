"""The Sysbox smoke test that passed: sysbox-smoke.json."""

from dataclasses import dataclass
from typing import Final

from clawbot_agent.core.paths import CACHE_DIR
from clawbot_agent.records.record import Record, RecordFile


@dataclass(frozen=True, slots=True)
class SmokeRecord(Record):
    """The versions that the test passed with; with any other one it runs again."""

    sysbox: str
    engine: str
    kernel: str


SMOKE: Final = RecordFile(CACHE_DIR / "sysbox-smoke.json", SmokeRecord)
