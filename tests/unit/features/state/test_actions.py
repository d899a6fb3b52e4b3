"""The commands that actions on the data image run, and how they treat the results."""

import errno
import os
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state.errors import (
    StateCopyError,
    StateDamagedError,
    StateInUseError,
    StateMountError,
    StateNoSpaceError,
    StateToolError,
)
from clawbot_agent.features.state.image_actions import (
    CheckImage,
    CopyImage,
    CreateImage,
    GrowImage,
    SetWriteback,
)
from clawbot_agent.features.state.units import GATEWAY_DROP_IN, MountState, WriteUnit, drop_in_text
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.files import FileReadError
from tests.fakes import Call, FakeFiles, FakeIsolated, FakeRun, fake_host

IMAGE: Final = Path("/srv/clawbot/share/state/state-000007.ext4")
DRAFT: Final = IMAGE.with_name(".state-000007.ext4.new")
STATE: Final = Path("/var/lib/clawbot/state")
GIB: Final = 1024**3


@pytest.fixture
def files() -> FakeFiles:
    return FakeFiles()


def a_run(files: FakeFiles) -> FakeRun:
    """Return tools that succeed; install and the copy program create their file."""
    run = FakeRun()

    def make(call: Call) -> Completed | None:
        files.put(Path(call.argv[-1]))
        return None

    run.effect("install", act=make)
    for tool in ("truncate", "mkfs.ext4", "sync", "losetup", "resize2fs"):
        run.answer(tool)
    return run


def test_a_new_image_gets_its_name_when_it_is_complete(files: FakeFiles) -> None:
    run = a_run(files)
    seen: list[tuple[str, bool]] = []
    run.effect("mkfs.ext4", act=lambda call: seen.append((call.argv[-1], bool(files.stat(IMAGE)))))
    CreateImage(IMAGE, 8 * GIB).apply(fake_host(files=files, run=run))
    assert ("truncate", "--size=8589934592", str(DRAFT)) in run.argvs
    assert files.stat(IMAGE) is not None
    assert files.stat(DRAFT) is None


def test_an_interrupted_draft_is_created_again(files: FakeFiles) -> None:
    files.put(DRAFT, "half")
    CreateImage(IMAGE, GIB).apply(fake_host(files=files, run=a_run(files)))
    assert files.read_text(IMAGE) == ""


@pytest.mark.parametrize("output", ["No space left on device", "Disk quota exceeded"])
@pytest.mark.parametrize("tool", ["truncate", "mkfs.ext4"])
def test_a_full_share_has_its_own_error(files: FakeFiles, tool: str, output: str) -> None:
    run = FakeRun()
    run.answer("install")
    run.answer("truncate")
    run.answer(tool, returncode=1, stderr=f"{tool}: {DRAFT}: {output}")
    if tool == "truncate":
        run = FakeRun()
        run.answer("install")
        run.answer("truncate", returncode=1, stderr=f"truncate: {output}")
    with pytest.raises(StateNoSpaceError, match=output):
        CreateImage(IMAGE, GIB).apply(fake_host(files=files, run=run))
    assert files.stat(IMAGE) is None


def copying(files: FakeFiles, *, error: ClawbotError | None = None) -> FakeIsolated:
    """The sparse copy; with `error` it fails half-way."""

    def copy(*, source: str, target: str) -> int:
        files.put(target, (files.read_text(Path(source)) or "")[: 3 if error else None])
        if error is not None:
            raise error
        return 1

    return FakeIsolated({"copy": copy})


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EIO, StateCopyError),
        (errno.ENOSPC, StateNoSpaceError),
        (errno.EDQUOT, StateNoSpaceError),
    ],
)
def test_failed_copy_leaves_nothing(
    files: FakeFiles, number: int, expected: type[ClawbotError]
) -> None:
    source = IMAGE.with_name("state-000003.ext4")
    files.put(source, "bot data")
    error = FileReadError(f"{source}: {os.strerror(number)}", number=number)
    host = fake_host(files=files, run=FakeRun(), isolated=copying(files, error=error))
    with pytest.raises(expected, match=f"copying .*: {os.strerror(number)}"):
        CopyImage(source, IMAGE).apply(host)
    assert files.stat(DRAFT) is None
    assert files.read_text(source) == "bot data"


def test_copy_is_renamed_when_it_is_on_the_server(files: FakeFiles) -> None:
    run, isolated = a_run(files), copying(files)
    source = IMAGE.with_name("state-000003.ext4")
    files.put(source, "data")
    CopyImage(source, IMAGE).apply(fake_host(files=files, run=run, isolated=isolated))
    assert isolated.calls == [("copy", {"source": str(source), "target": str(DRAFT)})]
    assert run.argvs[-1] == ("sync", str(DRAFT))
    assert files.read_text(IMAGE) == "data"


def test_growing_resizes_file_then_device_then_file_system(files: FakeFiles) -> None:
    files.put(IMAGE, "small")
    files.put("/sys/block/loop3/loop/backing_file", f"{IMAGE}\n")
    run = a_run(files)
    GrowImage(IMAGE, 8 * GIB).apply(fake_host(files=files, run=run))
    assert run.argvs == [
        ("truncate", "--size=8589934592", str(IMAGE)),
        ("losetup", "--set-capacity", "/dev/loop3"),
        ("resize2fs", "/dev/loop3"),
    ]


def test_an_image_without_a_device_cannot_grow(files: FakeFiles) -> None:
    with pytest.raises(StateToolError, match="no loop device"):
        GrowImage(IMAGE, 8 * GIB).apply(fake_host(files=files, run=a_run(files)))


@pytest.mark.parametrize(
    ("preen", "notes"),
    [(0, []), (1, ["e2fsck corrected state-000007.ext4: clawbot-state: recovering journal"])],
)
def test_safe_corrections_of_e2fsck_are_logged(
    files: FakeFiles, preen: int, notes: list[str]
) -> None:
    run, logged = FakeRun(), list[str]()
    run.answer("e2fsck", "-p", returncode=preen, stdout="clawbot-state: recovering journal\nmore\n")
    CheckImage(IMAGE).apply(fake_host(files=files, run=run, note=logged.append))
    assert logged == notes
    assert len(run.calls) == 1


def test_damage_is_repaired_and_logged(files: FakeFiles) -> None:
    run, logged = FakeRun(), list[str]()
    run.answer("e2fsck", "-p", returncode=4, stdout="UNEXPECTED INCONSISTENCY\n")
    run.answer("e2fsck", "-f", "-y", returncode=1, stdout="Fixed? yes\n")
    CheckImage(IMAGE).apply(fake_host(files=files, run=run, note=logged.append))
    assert "is damaged" in logged[0]
    assert "is repaired" in logged[1]
    log = Path("/var/log/clawbot/e2fsck-20260101T000000.log")
    assert files.read_text(log) == "UNEXPECTED INCONSISTENCY\nFixed? yes\n"


def test_an_image_beyond_repair_is_an_error(files: FakeFiles) -> None:
    run = FakeRun()
    run.answer("e2fsck", "-p", returncode=8, stderr="Bad magic number in super-block")
    run.answer("e2fsck", "-f", "-y", returncode=12)
    with pytest.raises(StateDamagedError, match="status 12, see /var/log/clawbot/e2fsck-"):
        CheckImage(IMAGE).apply(fake_host(files=files, run=run))


def test_an_image_that_the_kernel_has_open_is_not_checked(files: FakeFiles) -> None:
    """After a lazy unmount: two writers would destroy it."""
    files.put("/sys/block/loop3/loop/backing_file", f"{IMAGE}\n")
    with pytest.raises(StateInUseError, match="/dev/loop3"):
        CheckImage(IMAGE).apply(fake_host(files=files))


def test_mounting_writes_both_units_and_reloads_once(files: FakeFiles) -> None:
    run = FakeRun()
    run.answer("systemctl", "daemon-reload")
    run.answer("systemctl", "start")
    MountState(STATE, "unit", IMAGE.name).apply(fake_host(files=files, run=run))
    assert files.read_text(unit_file(STATE)) == "unit"
    assert files.read_text(GATEWAY_DROP_IN) == drop_in_text(STATE)
    assert run.argvs == [
        ("systemctl", "daemon-reload"),
        ("systemctl", "start", "var-lib-clawbot-state.mount"),
    ]


def test_a_failed_mount_shows_the_output_of_mount(files: FakeFiles) -> None:
    run = FakeRun()
    run.answer("systemctl", "daemon-reload")
    run.answer("systemctl", "start", returncode=1, stderr="Job failed.")
    run.answer("systemctl", "show", stdout="InvocationID=abc\n")
    run.answer("journalctl", "--sync")
    run.answer("journalctl", stdout="mount: wrong fs type\n")
    with pytest.raises(StateMountError, match="wrong fs type") as caught:
        MountState(STATE, "unit", IMAGE.name).apply(fake_host(files=files, run=run))
    assert isinstance(caught.value, ClawbotError)


def test_a_unit_without_a_text_is_removed(files: FakeFiles) -> None:
    files.put(GATEWAY_DROP_IN, "x")
    run = FakeRun()
    run.answer("systemctl", "daemon-reload")
    WriteUnit(GATEWAY_DROP_IN, None, "not configured").apply(fake_host(files=files, run=run))
    assert files.stat(GATEWAY_DROP_IN) is None


def test_the_gateway_is_tied_to_lease_and_mount() -> None:
    assert drop_in_text(Path("/srv/my-state")).splitlines() == [
        "[Unit]",
        "BindsTo=clawbot-lease.service srv-my\\x2dstate.mount",
        "After=clawbot-lease.service srv-my\\x2dstate.mount",
        "RequiresMountsFor=/srv/my-state",
        "AssertPathIsMountPoint=/srv/my-state",
    ]


@pytest.mark.parametrize("key", ["vm.dirty_expire_centisecs", "vm.dirty_writeback_centisecs"])
def test_writeback_settings_are_set_until_the_next_boot(key: str) -> None:
    run = FakeRun()
    run.answer("sysctl")
    SetWriteback(key, 3000).apply(fake_host(run=run))
    assert [call.argv for call in run.calls] == [("sysctl", "--quiet", "--write", f"{key}=60000")]
