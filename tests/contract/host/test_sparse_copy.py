import errno
import fcntl
import filecmp
import os
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.state import sparse_copy_io as sparse_copy
from clawbot_agent.features.state.sparse_copy_io import copy
from clawbot_agent.host.files import FileReadError
from clawbot_agent.host.guarded_files import IsolatedCalls
from clawbot_agent.host.isolation import program
from tests.contract.host.conftest import Limits

MIB: Final = 1024**2
SIZE: Final = 64 * MIB


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with data at its start, in its middle and at its end."""
    path = tmp_path / "source"
    with path.open("wb") as file:
        for place in (0, 20 * MIB, SIZE - 4096):
            file.seek(place)
            file.write(os.urandom(4096))
    return path


def is_a_good_copy(source: Path, target: Path) -> bool:
    return filecmp.cmp(source, target, shallow=False) and target.stat().st_blocks * 512 < MIB


def test_data_and_holes_are_kept(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert copy(str(source), str(target)) < MIB
    assert is_a_good_copy(source, target)
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("missing", ["_extents", "copy_file_range", "both"])
def test_copy_without_the_servers_support_is_equal(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def cannot(*_args: object) -> int:
        raise OSError(95, "Operation not supported")

    if missing in {"_extents", "both"}:
        monkeypatch.setattr(sparse_copy, "_extents", cannot)
    if missing in {"copy_file_range", "both"}:
        monkeypatch.setattr(os, "copy_file_range", cannot)
    target = tmp_path / "target"
    copy(str(source), str(target))
    if missing == "_extents":
        # the server copies holes as zeros then, for all that is known
        assert source.read_bytes() == target.read_bytes()
    else:
        assert is_a_good_copy(source, target)


def test_file_of_holes_only_is_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.touch()
    os.truncate(source, SIZE)
    copy(str(source), str(target))
    assert is_a_good_copy(source, target)


def test_many_extents_are_copied(tmp_path: Path) -> None:
    """More than one answer of the kernel holds."""
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        for index in range(1500):
            file.seek(index * 256 * 1024)
            file.write(b"x" * 4096)
    copy(str(source), str(target))
    assert filecmp.cmp(source, target, shallow=False)


def test_source_locked_by_another_process_is_not_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse_copy, "_LOCK_SECONDS", 0.0)
    with source.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            copy(str(source), str(tmp_path / "target"))


def test_copy_runs_in_a_child_process(source: Path, tmp_path: Path, limits: Limits) -> None:
    target = tmp_path / "target"
    argv = program(sparse_copy.__name__)
    arguments = {"source": str(source), "target": str(target)}

    def run() -> object:
        return IsolatedCalls(limits(60))(argv, "copy", arguments, subject=source, seconds=30)

    assert run() == 3 * 4096
    assert is_a_good_copy(source, target)
    with pytest.raises(FileReadError, match=f"{source}: File exists") as again:
        run()
    assert again.value.number == errno.EEXIST
