"""Hostile files: each trap gives one typed result, in time, and nothing of a foreign file."""

import errno
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.host import beneath
from clawbot_agent.host.beneath import Distrust, DistrustedError, Root
from clawbot_agent.host.files import FileReadError, FileWriteError
from clawbot_agent.host.guarded_files import HostileFiles
from clawbot_agent.host.isolation import Confinement, Isolation, UntrustedFileError, program
from tests.contract.host.conftest import Limits, end

OWNER: Final = 1000
SECRET: Final = "the content of a file outside"  # noqa: S105 - the text of a test
MIB: Final = 1024**2


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A secret that only root can read."""
    path = tmp_path / "outside"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory that a container can write."""
    path = tmp_path / "state"
    path.mkdir()
    os.chown(path, OWNER, OWNER)
    return path


@pytest.fixture
def files(root: Path, limits: Limits) -> Iterator[HostileFiles]:
    made = HostileFiles.beneath(root, uid=OWNER, gid=OWNER, limit=limits(60))
    yield made
    for isolation in (made.owner, made.agent):
        end(isolation)


@pytest.fixture
def in_memory(limits: Limits) -> Iterator[HostileFiles]:
    """Files in memory, for what takes a disk 20 s to make."""
    root = Path(tempfile.mkdtemp(dir="/dev/shm"))
    os.chown(root, OWNER, OWNER)
    made = HostileFiles.beneath(root, uid=OWNER, gid=OWNER, limit=limits(60))
    yield made
    end(made.owner)
    # shutil.rmtree recurses, and a test that fails may leave a deep tree
    subprocess.run(("/bin/rm", "-rf", str(root)), check=True)


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """No trap may take long."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 60


def refused(act: Callable[[], object]) -> Distrust:
    """Return why `act` refused; its error names the cause and quotes no foreign content."""
    with pytest.raises(UntrustedFileError) as caught:
        act()
    assert SECRET not in caught.value.message
    assert caught.value.code == "FILE_UNTRUSTED"
    assert caught.value.cause is FailureCause.DATA
    return caught.value.reason


def test_file_is_written_and_read_as_its_owner(files: HostileFiles, root: Path) -> None:
    data = bytes(range(256)) * 5000
    files.write("a", data, mode=0o640)
    assert files.read("a") == data
    found = (root / "a").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (OWNER, OWNER, 0o640)
    assert [path.name for path in root.iterdir()] == ["a"]
    entry = files.stat("a")
    assert entry is not None
    assert (entry.kind, entry.size, entry.mode, entry.links) == ("file", len(data), 0o640, 1)


def test_absent_file_is_no_error(files: HostileFiles, root: Path) -> None:
    (root / "plain").write_text("x")
    for name in ("none", "none/below", "plain/below"):
        assert files.read(name) is None
        assert files.stat(name) is None
        files.remove("none")


def test_kernel_refusal_is_the_error_of_files(files: HostileFiles, root: Path) -> None:
    (root / "private").touch(mode=0o600)
    (root / "locked").mkdir(mode=0o700)
    with pytest.raises(FileReadError, match="Permission denied") as caught:
        files.read("private")
    assert caught.value.number == errno.EACCES
    with pytest.raises(FileWriteError, match="Permission denied"):
        files.write("locked/new", b"", mode=0o600)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside", ".", "", "a\0b"])
def test_name_that_leaves_the_directory_is_refused(files: HostileFiles, name: str) -> None:
    assert refused(lambda: files.write(name, b"x", mode=0o600)) is Distrust.NAME


@pytest.mark.parametrize("target", ["outside", "relative", "/dev/zero", "/proc/self/environ"])
def test_link_is_refused(files: HostileFiles, root: Path, outside: Path, target: str) -> None:
    paths = {"outside": str(outside), "relative": "../outside"}
    (root / "link").symlink_to(paths.get(target, target))
    assert refused(lambda: files.read("link")) is Distrust.LINK
    assert refused(lambda: files.chown("link", uid=0, gid=0)) is Distrust.LINK
    assert refused(lambda: files.names("link")) is Distrust.LINK
    assert outside.stat().st_uid == 0
    entry = files.stat("link")
    assert entry is not None
    assert entry.kind == "link"


def test_link_in_the_middle_is_refused(files: HostileFiles, root: Path, outside: Path) -> None:
    (root / "way").symlink_to(outside.parent)
    name = f"way/{outside.name}"
    assert refused(lambda: files.read(name)) is Distrust.LINK
    assert refused(lambda: files.write(name, b"x", mode=0o600)) is Distrust.LINK
    assert refused(lambda: files.remove(name)) is Distrust.LINK
    assert refused(lambda: files.rename(name, "mine")) is Distrust.LINK
    assert refused(lambda: files.stat(name)) is Distrust.LINK
    assert refused(lambda: files.walk("way")) is Distrust.LINK
    assert outside.read_text() == SECRET


def test_link_is_replaced_and_removed_but_not_followed(
    files: HostileFiles, root: Path, outside: Path
) -> None:
    for name in ("written", "removed"):
        (root / name).symlink_to(outside)
    files.write("written", b"mine", mode=0o600)
    files.remove("removed")
    assert (root / "written").read_bytes() == b"mine"
    assert not (root / "written").is_symlink()
    assert outside.read_text() == SECRET
    assert [path.name for path in root.iterdir()] == ["written"]


def test_root_that_is_a_link_is_not_opened(root: Path, limits: Limits, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    files = HostileFiles.beneath(tmp_path / "link", uid=OWNER, gid=OWNER, limit=limits(60))
    try:
        with pytest.raises(ClawbotError, match=r"Not a directory|symbolic links"):
            files.names()
    finally:
        end(files.owner)


def test_hard_link_is_refused(files: HostileFiles, root: Path, outside: Path) -> None:
    os.link(outside, root / "hard")
    assert refused(lambda: files.read("hard")) is Distrust.HARD_LINK
    assert refused(lambda: files.chown("hard", uid=OWNER, gid=OWNER)) is Distrust.HARD_LINK
    assert outside.stat().st_uid == 0


@pytest.mark.parametrize("kind", ["fifo", "socket", "directory", "device"])
def test_only_regular_files_are_read(files: HostileFiles, root: Path, kind: str) -> None:
    path = root / kind
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "fifo":
                os.mkfifo(path, 0o666)
            case "socket":
                listener.bind(str(path))
            case "directory":
                path.mkdir()
            case _:
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    assert refused(lambda: files.read(kind)) is Distrust.KIND
    assert refused(lambda: files.write(kind, b"x", mode=0o600)) is Distrust.KIND
    if kind != "directory":
        assert refused(lambda: files.chown(kind, uid=OWNER, gid=OWNER)) is Distrust.KIND
    entry = files.stat(kind)
    assert entry is not None
    assert entry.kind == kind
    files.remove(kind)
    assert list(root.iterdir()) == []


def test_sparse_file_is_refused_by_its_size(files: HostileFiles, root: Path) -> None:
    (root / "sparse").touch(mode=0o666)
    os.truncate(root / "sparse", 1536 * MIB)
    assert refused(lambda: files.read("sparse")) is Distrust.SIZE
    assert files.stat("sparse") is not None


def test_file_at_the_limit_is_read_and_one_byte_more_is_not(
    files: HostileFiles, root: Path
) -> None:
    (root / "a").write_bytes(b"x" * 100)
    assert files.read("a", most=100) == b"x" * 100
    assert refused(lambda: files.read("a", most=99)) is Distrust.SIZE


def test_too_many_names_are_refused(in_memory: HostileFiles) -> None:
    many = in_memory.root / "many"
    many.mkdir()
    os.chown(many, OWNER, OWNER)
    for number in range(100_000):
        os.symlink("a", f"{many}/{number}")  # noqa: PTH211 - a path object each is slow
    assert refused(lambda: in_memory.names("many")) is Distrust.COUNT
    assert refused(in_memory.walk) is Distrust.COUNT
    assert refused(lambda: in_memory.remove("many", most=1000)) is Distrust.COUNT
    replace(in_memory, seconds=20).remove("many")
    assert not many.exists()


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[31mred", b"\xed\xa0\x80", b"-rf"])
def test_any_name_is_listed_and_used(files: HostileFiles, root: Path, name: bytes) -> None:
    text = os.fsdecode(name)
    files.write(text, b"mine", mode=0o644)
    assert files.names() == (text,)
    assert files.read(text) == b"mine"
    assert [entry.name for entry in files.walk()] == [text]
    with pytest.raises(UntrustedFileError) as caught:
        files.read(text, most=1)
    message = caught.value.message
    assert message.isprintable()
    assert message.encode()
    files.remove(text)
    assert list(root.iterdir()) == []


def test_file_that_changes_while_it_is_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is stopped between two reads, which no child can be made to do reliably."""
    path = root / "a"
    path.write_bytes(b"x" * 10)
    real = os.read

    def read(file: int, size: int) -> bytes:
        part = real(file, size)
        path.write_bytes(b"y" * 10)
        # longer than a tick, so that only the comparison of the times can notice it
        time.sleep(0.03)
        return part

    monkeypatch.setattr(os, "read", read)
    opened = Root(str(root))
    with pytest.raises(DistrustedError) as caught:
        opened.read("a", most=1000)
    opened.close()
    assert caught.value.reason is Distrust.CHANGED


def test_file_under_constant_change_ends_in_a_whole_text_or_a_refusal(
    files: HostileFiles, root: Path
) -> None:
    stop, path = threading.Event(), root / "a"
    path.write_bytes(b"a" * MIB)

    def change() -> None:
        while not stop.is_set():
            for letter in (b"b", b"a"):
                with path.open("r+b") as file:
                    file.write(letter * MIB)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        results = []
        for _ in range(20):
            try:
                results.append(files.read("a"))
            except UntrustedFileError as error:
                assert error.reason is Distrust.CHANGED  # noqa: PT017 - either end is right
    finally:
        stop.set()
        writer.join()
    assert all(data is not None and len(set(data)) == 1 for data in results)


def test_tree_is_walked_with_everything_in_it(files: HostileFiles, root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("text")
    (root / "a" / "b" / "link").symlink_to("/etc/shadow")
    found = {entry.name: entry.kind for entry in files.walk()}
    assert found == {"a": "directory", "a/b": "directory", "a/file": "file", "a/b/link": "link"}
    assert {entry.name for entry in files.walk("a")} == {"b", "file", "b/link"}


def a_deep_tree(root: Path, levels: int) -> None:
    """Directories in directories, deeper than a path can be long."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", 0o700, dir_fd=here)
        os.chown("d", OWNER, OWNER, dir_fd=here)
        ahead = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = ahead
    os.close(here)


def test_deep_tree_is_refused_and_can_be_removed(in_memory: HostileFiles) -> None:
    a_deep_tree(in_memory.root, 10_000)
    assert refused(in_memory.walk) is Distrust.DEPTH
    replace(in_memory, seconds=20).remove("d")
    assert list(in_memory.root.iterdir()) == []


def test_directory_without_permissions_is_removed(files: HostileFiles, root: Path) -> None:
    for path in (root / "a", root / "a" / "b", root / "a" / "b" / "c"):
        path.mkdir()
        os.chown(path, OWNER, OWNER)
    (root / "a" / "b" / "c").chmod(0)
    (root / "a" / "b").chmod(0o555)
    files.remove("a")
    assert list(root.iterdir()) == []


def test_owner_of_a_file_and_of_a_directory_is_set(files: HostileFiles, root: Path) -> None:
    (root / "file").touch()
    files.mkdir("directory", mode=0o750)
    for name in ("file", "directory"):
        files.chown(name, uid=OWNER + 1, gid=OWNER + 2)
        found = (root / name).stat()
        assert (found.st_uid, found.st_gid) == (OWNER + 1, OWNER + 2)
    assert stat.S_IMODE((root / "directory").stat().st_mode) == 0o750


def test_rename_stays_in_the_directory(files: HostileFiles, root: Path) -> None:
    files.write("a", b"1", mode=0o600)
    files.rename("a", "b")
    assert [path.name for path in root.iterdir()] == ["b"]
    assert refused(lambda: files.rename("b", "../b")) is Distrust.NAME


def test_writing_beyond_the_file_size_limit_is_refused(root: Path, limits: Limits) -> None:
    owner = Isolation(confinement=Confinement(root=str(root), uid=OWNER, gid=OWNER, file_size=1000))
    files = HostileFiles(root, limits(60), owner=owner, agent=owner)
    try:
        assert refused(lambda: files.write("a", b"x" * 2000, mode=0o600)) is Distrust.SIZE
        assert list(root.iterdir()) == []
        files.write("a", b"x" * 1000, mode=0o600)
    finally:
        end(owner)


@pytest.mark.parametrize(
    ("operation", "seconds", "reason", "message"),
    [
        ("hang", 2, Distrust.TIME, "no answer to 'hang' within 2 s"),
        ("burn", 20, Distrust.TIME, "stopped after using up its CPU time"),
        ("grow", 20, Distrust.MEMORY, "out of memory"),
        ("killed", 20, Distrust.MEMORY, "stopped by signal 9"),
    ],
)
def test_limits_of_the_child_are_one_typed_result(  # noqa: PLR0913, PLR0917 - the parts of a result
    root: Path,
    limits: Limits,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    seconds: float,
    reason: Distrust,
    message: str,
) -> None:
    """And the next operation works."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    owner = Isolation(
        program("tests.contract.host.operations"),
        Confinement(root=str(root), uid=OWNER, gid=OWNER, cpu_seconds=1),
    )
    files = HostileFiles(root, limits(60), owner=owner, agent=owner, seconds=seconds)
    try:
        with pytest.raises(UntrustedFileError, match=message) as caught:
            files._ask(operation, "a")  # noqa: SLF001 - no such operation otherwise
        assert caught.value.reason is reason
        assert files._ask("whoami", "a").value["uid"] == OWNER  # noqa: SLF001 - same
    finally:
        end(owner)


def test_child_has_no_privilege_and_nothing_of_the_agent(
    root: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.setenv("CLAWBOT_SECRET", SECRET)
    owner = Isolation(
        program("tests.contract.host.operations"),
        Confinement(root=str(root), uid=OWNER, gid=OWNER),
    )
    files = HostileFiles(root, limits(60), owner=owner, agent=owner)
    inherited = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(inherited, True)  # noqa: FBT003 - the standard library's own signature
    try:
        found = files._ask("whoami", "a").value  # noqa: SLF001 - no such operation otherwise
    finally:
        os.close(inherited)
        end(owner)
    assert (found["uid"], found["gid"], found["groups"]) == (OWNER, OWNER, [])
    assert found["status"]["NoNewPrivs"] == "1"
    assert {found["status"][name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {
        "0" * 16
    }
    assert found["umask"] == 0o077
    assert SECRET not in found["environment"].values()
    # standard input is the channel, 1 and 2 are /dev/null
    assert len(found["files"]) == 3
    assert found["limits"]["core"] == 0
    assert found["limits"]["processes"] == 0
    assert found["forks"] is False


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_openat2_links_are_refused_as_well(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Kernels before 5.6, and system call filters that do not know it."""

    def missing(*_args: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(beneath, "_openat2", missing)
    (root / "directory").mkdir()
    (root / "directory" / "file").write_text("text")
    (root / "link").symlink_to(outside)
    (root / "way").symlink_to(outside.parent)
    opened = Root(str(root))
    try:
        assert opened.read("directory/file", most=10) == b"text"
        assert opened.names(".", most=10) == ["directory", "link", "way"]
        for name in ("link", f"way/{outside.name}"):
            with pytest.raises(DistrustedError) as caught:
                opened.read(name, most=1000)
            assert caught.value.reason is Distrust.LINK
    finally:
        opened.close()


def test_race_between_a_file_and_a_link_reads_nothing_foreign(
    files: HostileFiles, root: Path, outside: Path
) -> None:
    """A container swaps a file for a link as fast as it can."""
    outside.chmod(0o644)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "one").write_text("mine")
            (root / "one").rename(root / "a")
            (root / "two").symlink_to(outside)
            (root / "two").rename(root / "a")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            try:
                assert files.read("a") in {b"mine", None}
            except UntrustedFileError as error:
                assert error.reason in {Distrust.LINK, Distrust.HARD_LINK, Distrust.CHANGED}  # noqa: PT017 - each end is right
            files.write("a", b"mine", mode=0o644)
    finally:
        stop.set()
        swapper.join()
    assert outside.read_text() == SECRET


def test_memory_of_the_child_stays_small(files: HostileFiles, root: Path) -> None:
    """The largest file that is read by default costs at most 64 MiB."""
    (root / "a").write_bytes(os.urandom(16 * MIB))
    assert files.read("a") is not None
    (child,) = files.owner._idle  # noqa: SLF001 - the test's point
    text = Path(f"/proc/{child.process.pid}/status").read_text()
    peak = int(text.partition("VmHWM:")[2].split()[0])
    assert peak < 64 * 1024
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_killed_child_is_replaced(files: HostileFiles, root: Path) -> None:
    (root / "a").write_text("text")
    assert files.read("a") == b"text"
    (child,) = files.owner._idle  # noqa: SLF001 - the test's point
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait(5)
    assert refused(lambda: files.read("a")) is Distrust.MEMORY
    assert files.read("a") == b"text"


def test_module_of_the_child_needs_no_more_than_it_uses() -> None:
    """A library that is not loaded takes no RAM and cannot be attacked."""
    script = "import sys, clawbot_agent.host.isolated; print(*sys.modules)"
    argv = (sys.executable, "-P", "-c", script)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "clawbot_agent.host.isolated" in loaded
    assert not {"ctypes", "ssl", "docker", "requests", "yaml", "pydantic"} & set(loaded)
