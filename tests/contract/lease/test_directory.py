"""The lease's directory with real files: here on a local disk, in the VM bench on CIFS."""

import fcntl
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.features.lease.directory_io import LeaseDirectory
from clawbot_agent.features.state.names import IMAGE_PATTERN
from clawbot_agent.records.lease import RECORD_BYTES, Holder, LeaseRecord

Json = dict[str, Any]


def a_record(generation: int, *, instance: str = "me", beat: int = 0) -> LeaseRecord:
    return LeaseRecord(generation, Holder(instance, "boot", "host", "then"), beat=beat)


def question(verb: str, record: LeaseRecord, *, bell: str = "") -> Json:
    return {"verb": verb, "generation": record.generation, "text": record.text(), "bell": bell}


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


def a_client(share: Path) -> LeaseDirectory:
    return LeaseDirectory(share / "lease", images=share / "state", pattern=IMAGE_PATTERN)


def test_an_empty_share(share: Path) -> None:
    assert a_client(share)({"verb": "look"}) == {"generation": 0, "text": "", "image": 0}


def test_what_one_writes_the_other_reads(share: Path) -> None:
    one, other = a_client(share), a_client(share)
    one({"verb": "look"})
    assert one(question("take", a_record(1))) == {"taken": True}
    assert other({"verb": "look", "ring": "other 1"})["generation"] == 1
    assert one(question("beat", a_record(1, beat=7))) == {"mine": True, "bell": "other 1"}
    seen = other({"verb": "look"})
    assert seen["generation"] == 1
    assert LeaseRecord.parsed(seen["text"]) == a_record(1, beat=7)
    assert len(seen["text"]) == RECORD_BYTES


def test_a_beat_is_written_only_after_a_ring(share: Path) -> None:
    """Each write is billed, and without somebody who waits nobody reads it."""
    one, other = a_client(share), a_client(share)
    one({"verb": "look"})
    one(question("take", a_record(1)))
    assert one(question("beat", a_record(1, beat=1))) == {"mine": True, "bell": ""}
    assert LeaseRecord.parsed(other({"verb": "look"})["text"]) == a_record(1)
    other({"verb": "look", "ring": "other 1"})
    assert one(question("beat", a_record(1, beat=2)))["bell"] == "other 1"
    assert LeaseRecord.parsed(other({"verb": "look"})["text"]) == a_record(1, beat=2)
    # the same ring is answered once, a new one again
    one(question("beat", a_record(1, beat=3), bell="other 1"))
    assert LeaseRecord.parsed(other({"verb": "look"})["text"]) == a_record(1, beat=2)
    other({"verb": "look", "ring": "other 2"})
    one(question("beat", a_record(1, beat=4), bell="other 1"))
    assert LeaseRecord.parsed(other({"verb": "look"})["text"]) == a_record(1, beat=4)


def test_who_slept_through_several_generations_notices(share: Path) -> None:
    """Its file is not on the share any more; what it has open still tells."""
    sleeper, other = a_client(share), a_client(share)
    sleeper({"verb": "look"})
    sleeper(question("take", a_record(1)))
    for generation in range(2, 6):
        other(question("take", a_record(generation, instance="other")))
    assert sleeper(question("beat", a_record(1, beat=1)))["mine"] is False


def test_only_one_of_many_takes_a_generation(share: Path) -> None:
    clients = [a_client(share) for _ in range(8)]
    clients[0]({"verb": "look"})
    with ThreadPoolExecutor(len(clients)) as pool:
        for generation in range(1, 20):
            asked = question("take", a_record(generation))
            answers = list(pool.map(lambda client, asked=asked: client(asked), clients))
            assert sum(answer["taken"] for answer in answers) == 1


def test_a_newer_generation_shows_with_the_next_beat(share: Path) -> None:
    one, other = a_client(share), a_client(share)
    one({"verb": "look"})
    one(question("take", a_record(1)))
    other(question("take", a_record(2, instance="other")))
    assert one(question("beat", a_record(1, beat=1)))["mine"] is False
    assert other(question("beat", a_record(2, instance="other")))["mine"] is True


def test_old_generations_go_the_previous_one_stays(share: Path) -> None:
    client = a_client(share)
    client({"verb": "look"})
    for generation in range(1, 5):
        client(question("take", a_record(generation)))
    assert sorted(path.name for path in (share / "lease").iterdir()) == ["000003", "000004"]


def test_the_holder_keeps_a_lock_that_others_cannot_have(share: Path) -> None:
    client = a_client(share)
    client({"verb": "look"})
    client(question("take", a_record(1)))
    with (share / "lease" / "000001").open("r+b") as file:
        assert _is_locked(file.fileno())


def _is_locked(descriptor: int) -> bool:
    """Whether another open file description has a lock there; F_OFD_GETLK asks only."""
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 1 << 40, 1, 0)
    f_ofd_getlk = 36
    found = fcntl.fcntl(descriptor, f_ofd_getlk, wanted)
    kind: int = struct.unpack("hhqqi4x", found)[0]
    return kind != fcntl.F_UNLCK


def test_after_its_process_was_replaced_the_holder_goes_on(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1)))
    assert a_client(share)(question("beat", a_record(1, beat=5)))["mine"] is True


def test_a_file_of_somebody_else_under_the_same_number_is_not_the_holders(share: Path) -> None:
    """The directory was emptied and the numbers began again."""
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1, instance="other")))
    assert a_client(share)(question("beat", a_record(1))) == {"mine": False}


def test_a_generation_that_is_gone_is_lost(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    assert a_client(share)(question("beat", a_record(1))) == {"mine": False}


def test_released_is_seen(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1)))
    released = LeaseRecord(1, Holder("me", "boot", "host", "then"), beat=1, released=True)
    assert first(question("release", released)) == {"mine": True}
    seen = LeaseRecord.parsed(a_client(share)({"verb": "look"})["text"])
    assert seen is not None
    assert seen.released


def test_the_newest_image_is_seen(share: Path) -> None:
    (share / "state").mkdir(parents=True)
    for name in ("state-000003.ext4", "state-000012.ext4", ".state-000099.ext4.new", "files"):
        (share / "state" / name).touch()
    assert a_client(share)({"verb": "look"})["image"] == 12


def test_knocking_opens_the_newest_image_and_waits_for_nothing(share: Path) -> None:
    """A FIFO stands for an image whose dead holder the server waits for."""
    images = share / "state"
    images.mkdir(parents=True)
    (images / "state-000001.ext4").touch()
    os.mkfifo(images / "state-000002.ext4")
    client = a_client(share)
    started = time.monotonic()
    assert client({"verb": "look", "knock": True})["image"] == 2
    assert time.monotonic() - started < 5
    # the one that waits there is let go by a writer
    with (images / "state-000002.ext4").open("wb"):
        pass
    assert client({"verb": "look", "knock": False})["image"] == 2


def test_knocking_without_an_image(share: Path) -> None:
    assert a_client(share)({"verb": "look", "knock": True})["image"] == 0
