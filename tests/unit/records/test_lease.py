"""The record on the share decides whether a data image is safe to open: it is whole or damaged."""

import json
from typing import Final

import pytest

from clawbot_agent.records.lease import Holder, LeaseRecord

HOLDER: Final = Holder("an-instance", "a-boot", "a-host", "2026-01-02T03:04:05+00:00")
RECORD: Final = LeaseRecord.succeeding(None, generation=3, holder=HOLDER, image=2)


def test_record_is_read_as_written() -> None:
    assert LeaseRecord.parsed(RECORD.text()) == RECORD


@pytest.mark.parametrize("key", sorted(json.loads(RECORD.text())))
def test_record_without_one_of_its_keys_is_damaged(key: str) -> None:
    """A missing list of suspects would pass for a data image that no other instance has open."""
    found = json.loads(RECORD.text())
    del found[key]
    assert LeaseRecord.parsed(json.dumps(found)) is None


def test_successor_of_a_damaged_record_suspects_its_unknown_holder() -> None:
    (suspect,) = RECORD.suspects
    assert (suspect.generation, suspect.instance_id) == (2, "unknown")
