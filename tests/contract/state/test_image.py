"""Actions on the data image with the real tools: mke2fs, e2fsck, resize2fs, loop devices."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.state import image_actions
from clawbot_agent.features.state.errors import (
    StateDamagedError,
    StateInUseError,
    StateNoSpaceError,
)
from clawbot_agent.features.state.image_actions import (
    CheckImage,
    CopyImage,
    CreateImage,
    GrowImage,
    filesystem_bytes,
)
from clawbot_agent.host import Host, system_host

MIB: Final = 1024**2
SIZE: Final = 1024 * MIB

# a container's root may lack it; a virtual machine's has it
_SYS_RESOURCE: Final = 24
can_grow = pytest.mark.skipif(
    not int(Path("/proc/self/status").read_text().partition("CapEff:")[2].split()[0], 16)
    >> _SYS_RESOURCE
    & 1,
    reason="growing a mounted ext4 needs CAP_SYS_RESOURCE",
)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="loop mounts need root")


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def host(notes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(image_actions, "_LOGS", tmp_path / "log")
    return replace(system_host(deadline=300), note=notes.append)


@pytest.fixture
def image(host: Host, tmp_path: Path) -> Path:
    path = tmp_path / "state" / "state-000001.ext4"
    CreateImage(path, SIZE).apply(host)
    return path


@pytest.fixture
def mounted(image: Path, tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "mnt"
    point.mkdir()
    run("mount", "-t", "ext4", "-o", "loop,noatime", str(image), str(point))
    yield point
    run("umount", str(point))


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def device_of(point: Path) -> str:
    return run("findmnt", "--noheadings", "--output", "SOURCE", str(point)).strip()


def test_a_new_image_is_complete_private_and_nearly_empty(image: Path) -> None:
    found = image.stat()
    assert found.st_size == SIZE
    assert found.st_mode & 0o777 == 0o600
    assert [path.name for path in image.parent.iterdir()] == [image.name]
    # the journal is the largest part; zeros are not written
    assert found.st_blocks * 512 < 48 * MIB


def test_the_gateway_user_owns_the_file_system_and_root_has_no_reserve(mounted: Path) -> None:
    found = mounted.stat()
    assert (found.st_uid, found.st_gid) == (1000, 1000)
    space = os.statvfs(mounted)
    # ext4 keeps 4,096 blocks for itself, for delayed allocation
    assert space.f_bfree - space.f_bavail <= 4096


def test_checking_a_clean_image_logs_nothing(host: Host, image: Path, notes: list[str]) -> None:
    CheckImage(image).apply(host)
    assert notes == []


def test_a_mounted_image_is_not_checked(host: Host, image: Path, mounted: Path) -> None:
    assert mounted.is_mount()
    with pytest.raises(StateInUseError, match=r"/dev/loop\d+"):
        CheckImage(image).apply(host)


def test_damage_is_repaired_and_logged(
    host: Host, image: Path, notes: list[str], tmp_path: Path
) -> None:
    """The root directory is wiped: e2fsck -p refuses, -y repairs."""
    run("debugfs", "-w", "-R", "clri <2>", str(image))
    run("debugfs", "-w", "-R", "set_super_value state 0", str(image))
    CheckImage(image).apply(host)
    assert "is damaged" in notes[0]
    assert len(list((tmp_path / "log").iterdir())) == 1
    notes.clear()
    CheckImage(image).apply(host)
    assert notes == []


def test_an_image_without_a_file_system_is_beyond_repair(host: Host, image: Path) -> None:
    with image.open("r+b") as file:
        file.write(b"\0" * 4 * MIB)
        file.truncate(4 * MIB)
    with pytest.raises(StateDamagedError):
        CheckImage(image).apply(host)


@can_grow
def test_a_mounted_image_grows_and_keeps_its_files(host: Host, image: Path, mounted: Path) -> None:
    (mounted / "session").write_text("precious")
    assert filesystem_bytes(host, device_of(mounted)) == SIZE
    GrowImage(image, 2 * SIZE).apply(host)
    assert image.stat().st_size == 2 * SIZE
    assert filesystem_bytes(host, device_of(mounted)) == 2 * SIZE
    assert (mounted / "session").read_text() == "precious"


@can_grow
def test_an_interrupted_growth_is_completed(host: Host, image: Path, mounted: Path) -> None:
    os.truncate(image, 2 * SIZE)
    GrowImage(image, 2 * SIZE).apply(host)
    assert filesystem_bytes(host, device_of(mounted)) == 2 * SIZE


def test_a_copy_is_identical_and_as_sparse(host: Host, image: Path) -> None:
    target = image.with_name("state-000002.ext4")
    CopyImage(image, target).apply(host)
    run("cmp", str(image), str(target))
    assert target.stat().st_blocks * 512 < 48 * MIB
    CheckImage(target).apply(host)


def test_a_full_share_has_its_own_error(host: Host, tmp_path: Path) -> None:
    share = tmp_path / "small"
    share.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(share))
    try:
        with pytest.raises(StateNoSpaceError):
            CreateImage(share / "state" / "state-000001.ext4", SIZE).apply(host)
    finally:
        run("umount", str(share))
