"""The lease's directory with real files: here on a local disk, in the VM bench on CIFS."""

import fcntl
import os
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.features.lease.directory_io import LeaseDirectory
from clawbot_agent.features.state.names import IMAGE_PATTERN
from clawbot_agent.records.lease import RECORD_BYTES, Holder, LeaseRecord

Json = dict[str, Any]


def a_record(generation: int, *, instance: str = "me", beat: int = 0) -> LeaseRecord:
    return LeaseRecord(
        generation, Holder(instance, "boot", "host", "then"), (), beat=beat, released=False
    )


def question(verb: str, record: LeaseRecord, *, bell: str = "") -> Json:
    asked = {"verb": verb, "generation": record.generation, "text": record.text()}
    return asked | ({"bell": bell} if verb == "beat" else {})


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


Client = Callable[[Json], Json]


def a_client(share: Path) -> Client:
    directory = LeaseDirectory(share / "lease", images=share / "state", pattern=IMAGE_PATTERN)

    def ask(question: Json) -> Json:
        given = {**question}
        found: Json = getattr(directory, given.pop("verb"))(**given)
        return found

    return ask


def test_empty_share_has_no_generation(share: Path) -> None:
    assert a_client(share)({"verb": "look"}) == {"generation": 0, "text": "", "image": 0}


def test_record_is_read_by_another_client(share: Path) -> None:
    one, other = a_client(share), a_client(share)
    one({"verb": "look"})
    assert one(question("take", a_record(1))) == {"taken": True}
    assert other({"verb": "look", "ring": "other 1"})["generation"] == 1
    assert one(question("beat", a_record(1, beat=7))) == {"mine": True, "bell": "other 1"}
    seen = other({"verb": "look"})
    assert seen["generation"] == 1
    assert LeaseRecord.parsed(seen["text"]) == a_record(1, beat=7)
    assert len(seen["text"]) == RECORD_BYTES


def test_heartbeat_is_written_only_after_a_ring(share: Path) -> None:
    """Each write is billed, and only a waiting instance reads it."""
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


def test_holder_that_missed_several_generations_loses_the_lease(share: Path) -> None:
    """Its file is no longer on the share, but the open file still has the bell."""
    sleeper, other = a_client(share), a_client(share)
    sleeper({"verb": "look"})
    sleeper(question("take", a_record(1)))
    for generation in range(2, 6):
        other(question("take", a_record(generation, instance="other")))
    assert sleeper(question("beat", a_record(1, beat=1)))["mine"] is False


def test_only_one_of_many_clients_takes_a_generation(share: Path) -> None:
    clients = [a_client(share) for _ in range(8)]
    clients[0]({"verb": "look"})
    with ThreadPoolExecutor(len(clients)) as pool:
        for generation in range(1, 20):
            asked = question("take", a_record(generation))
            answers = list(pool.map(lambda client, asked=asked: client(asked), clients))
            assert sum(answer["taken"] for answer in answers) == 1


def test_newer_generation_ends_the_lease_at_the_next_heartbeat(share: Path) -> None:
    one, other = a_client(share), a_client(share)
    one({"verb": "look"})
    one(question("take", a_record(1)))
    other(question("take", a_record(2, instance="other")))
    assert one(question("beat", a_record(1, beat=1)))["mine"] is False
    assert other(question("beat", a_record(2, instance="other")))["mine"] is True


def test_only_the_previous_generation_is_kept(share: Path) -> None:
    client = a_client(share)
    client({"verb": "look"})
    for generation in range(1, 5):
        client(question("take", a_record(generation)))
    assert sorted(path.name for path in (share / "lease").iterdir()) == ["000003", "000004"]


def test_holder_keeps_an_exclusive_lock(share: Path) -> None:
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


def test_holder_continues_after_its_process_was_replaced(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1)))
    assert a_client(share)(question("beat", a_record(1, beat=5)))["mine"] is True


def test_file_of_another_holder_with_the_same_number_is_refused(share: Path) -> None:
    """The directory was emptied and the numbers started again."""
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1, instance="other")))
    assert a_client(share)(question("beat", a_record(1))) == {"mine": False}


def test_deleted_generation_ends_the_lease(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    assert a_client(share)(question("beat", a_record(1))) == {"mine": False}


def test_release_is_visible_to_other_clients(share: Path) -> None:
    first = a_client(share)
    first({"verb": "look"})
    first(question("take", a_record(1)))
    released = LeaseRecord(1, Holder("me", "boot", "host", "then"), (), beat=1, released=True)
    assert first(question("release", released)) == {"mine": True}
    seen = LeaseRecord.parsed(a_client(share)({"verb": "look"})["text"])
    assert seen is not None
    assert seen.released


def test_newest_image_is_reported(share: Path) -> None:
    (share / "state").mkdir(parents=True)
    for name in ("state-000003.ext4", "state-000012.ext4", ".state-000099.ext4.new", "files"):
        (share / "state" / name).touch()
    assert a_client(share)({"verb": "look"})["image"] == 12


def test_knock_opens_the_newest_image_without_waiting(share: Path) -> None:
    """A FIFO stands for an image whose dead holder the server waits for."""
    images = share / "state"
    images.mkdir(parents=True)
    (images / "state-000001.ext4").touch()
    os.mkfifo(images / "state-000002.ext4")
    client = a_client(share)
    started = time.monotonic()
    assert client({"verb": "look", "knock": True})["image"] == 2
    assert time.monotonic() - started < 20
    # a writer releases the process that waits there
    with (images / "state-000002.ext4").open("wb"):
        pass
    assert client({"verb": "look", "knock": False})["image"] == 2


def test_knock_without_an_image(share: Path) -> None:
    assert a_client(share)({"verb": "look", "knock": True})["image"] == 0
