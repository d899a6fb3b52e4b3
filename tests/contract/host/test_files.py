import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clawbot_agent.host.files import FileWriteError, SystemFiles

FILES = SystemFiles()
ROOT = Path(__file__).resolve().parents[3]


def test_write_sets_content_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    FILES.write(path, "text\n", mode=0o400, uid=1000, gid=1000)
    found = FILES.stat(path)
    assert found is not None
    assert (found.kind, found.mode, found.uid, found.gid, found.size) == (
        "file",
        0o400,
        1000,
        1000,
        5,
    )
    assert FILES.read_text(path) == "text\n"
    assert FILES.list(path.parent) == ("file",)


def test_write_replaces_and_never_changes_in_place(tmp_path: Path) -> None:
    """A process with the old file open still reads the old content."""
    path = tmp_path / "file"
    FILES.write(path, "old", mode=0o600)
    with path.open() as reader:
        FILES.write(path, "new", mode=0o600)
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_write_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("other's")
    link.symlink_to(target)
    FILES.write(link, "mine", mode=0o600)
    assert target.read_text() == "other's"
    assert not link.is_symlink()


def test_file_is_never_readable_by_others_while_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its temporary name has the final mode before the first byte is in it."""
    seen: list[tuple[int, int]] = []
    real = os.fchmod

    def fchmod(descriptor: int, mode: int) -> None:
        found = os.fstat(descriptor)
        seen.append((found.st_mode & 0o077, found.st_size))
        real(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", fchmod)
    FILES.write(tmp_path / "secret", "value", mode=0o400)
    assert seen == [(0, 0)]


@pytest.mark.parametrize("name", ["fsync", "fchown", "fchmod"])
def test_failing_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_arguments: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(FileWriteError, match=f"{path}: No space left on device"):
        FILES.write(path, "new", mode=0o600)
    assert path.read_text() == "old"
    assert FILES.list(tmp_path) == ("file",)


def test_content_is_on_the_disk_before_the_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the file, then the rename, then the directory."""
    steps: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112 - a descriptor
        real_sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    FILES.write(tmp_path / "file", "text", mode=0o600)
    assert steps == ["file", "rename", "directory"]


def test_writer_killed_at_any_moment_leaves_one_whole_file(tmp_path: Path) -> None:
    """Old or new, never a part: a reader looks all the time while writers are killed."""
    path = tmp_path / "file"
    texts = {letter * 400_000 for letter in "ab"}
    path.write_text("a" * 400_000)
    writer = (
        "import itertools, sys; from pathlib import Path;"
        "from clawbot_agent.host.files import SystemFiles\n"
        "print('ready', flush=True)\n"
        "for letter in itertools.cycle('ba'):\n"
        "    SystemFiles().write(Path(sys.argv[1]), letter * 400_000, mode=0o600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "agent")}
    for number in range(4):
        with subprocess.Popen(
            (sys.executable, "-c", writer, str(path)), env=environment, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            ends = time.monotonic() + 0.05 + number * 0.013
            while time.monotonic() < ends:
                assert path.read_text() in texts
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert path.read_text() in texts


def test_absent_files_are_no_errors(tmp_path: Path) -> None:
    path = tmp_path / "none"
    (tmp_path / "plain").write_text("x")
    below = tmp_path / "plain" / "below"
    for absent in (path, below):
        assert FILES.stat(absent) is None
        assert FILES.read_text(absent) is None
        assert FILES.list(absent) == ()
    FILES.remove(path)


def test_stat_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    kinds = {
        name: getattr(FILES.stat(tmp_path / name), "kind", None) for name in ("link", "pipe", ".")
    }
    assert kinds == {"link": "link", "pipe": "other", ".": "directory"}


def test_existing_directory_gets_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    FILES.mkdir(path, mode=0o755)
    FILES.mkdir(path, mode=0o500, uid=1000, gid=1000)
    found = FILES.stat(path)
    assert found is not None
    assert (found.mode, found.uid) == (0o500, 1000)


def test_directory_in_place_of_a_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(FileWriteError, match=str(tmp_path / "x")):
        FILES.write(tmp_path / "x", "text", mode=0o600)
    (tmp_path / "y").write_text("")
    with pytest.raises(FileWriteError, match=str(tmp_path / "y")):
        FILES.mkdir(tmp_path / "y", mode=0o700)


def test_remove_deletes_directories_with_content_and_links_only(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "link").symlink_to("kept")
    FILES.remove(tmp_path / "link")
    assert FILES.list(tmp_path / "kept") == ("file",)
    FILES.remove(tmp_path / "kept")
    assert FILES.list(tmp_path) == ()


def test_read_returns_exactly_what_was_written(tmp_path: Path) -> None:
    """Also with the line ends of other systems; else a plan would never get empty."""
    text = "{\r\n  1: \r 2\n}\n"
    FILES.write(tmp_path / "file", text, mode=0o600)
    assert FILES.read_text(tmp_path / "file") == text
