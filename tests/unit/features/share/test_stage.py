from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.share.actions import TryWrite
from clawbot_agent.features.share.errors import ShareNotDirectoryError, ShareNotWritableError
from clawbot_agent.features.share.stage import ShareFacts, ShareStage
from clawbot_agent.host.files import FileStat
from clawbot_agent.records.proof import ShareTestRecord
from tests.fakes import FakeFiles, a_config, fake_host

STAGE: Final = ShareStage()
CONFIG: Final = a_config()
SHARE: Final = Path("/srv/clawbot/share")
DIRECTORY: Final = FileStat("directory", 0o700, 0, 0, 0, 0)
ROOT: Final = Mount(26, Path("/"), "ext4", read_only=False)
TRIED: Final = ShareTestRecord("/srv/clawbot/share", 26, "/")
DONE: Final = ShareFacts(DIRECTORY, ROOT, TRIED)
TABLE: Final = """\
26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
31 26 0:5 / /srv rw - tmpfs srv rw
40 26 0:44 / /mnt/a\\040b rw,nosuid - cifs //host/share ro,vers=3.1.1
41 26 0:45 / /mnt/a\\040b ro - tmpfs over rw
odd line
"""


@pytest.mark.parametrize(
    ("found", "summaries"),
    [
        (DONE, ()),
        (
            replace(DONE, found=None, tried=None),
            (
                f"make directory {SHARE}, mode 0700, owner 0 (missing)",
                f"write a test file to {SHARE} (new directory)",
            ),
        ),
        (
            replace(DONE, tried=None),
            (f"write a test file to {SHARE} (not tested since this boot or on this mount)",),
        ),
        (
            replace(DONE, mount=replace(ROOT, number=27)),
            (f"write a test file to {SHARE} (not tested since this boot or on this mount)",),
        ),
        (
            replace(DONE, mount=replace(ROOT, read_only=True)),
            (f"write a test file to {SHARE} (/ is mounted read-only)",),
        ),
        (
            replace(DONE, found=replace(DIRECTORY, kind="file")),
            (f"write a test file to {SHARE} (it is a file)",),
        ),
    ],
    ids=["converged", "bare machine", "after a boot", "remounted", "read-only", "not a directory"],
)
def test_plan(found: ShareFacts, summaries: tuple[str, ...]) -> None:
    plan = STAGE.plan(found, CONFIG)
    assert tuple(action.summary for action in plan.actions) == summaries
    assert plan.reason == "directory /srv/clawbot/share takes writes"


def test_bare_machine_converges_in_one_pass() -> None:
    files = FakeFiles()
    files.put("/proc/self/mountinfo", TABLE)
    host = fake_host(files=files)
    for action in STAGE.look(host, CONFIG).actions:
        action.apply(host)
    assert STAGE.look(host, CONFIG).empty
    assert files.list(SHARE) == ()
    found = files.stat(SHARE)
    assert found is not None
    assert (found.mode, found.uid) == (0o700, 0)


def test_share_that_refuses_the_write_is_an_error() -> None:
    files = FakeFiles(refused={SHARE})
    files.put(SHARE, kind="directory")
    with pytest.raises(ShareNotWritableError, match="No space left"):
        TryWrite(SHARE, "test").apply(fake_host(files=files))


@pytest.mark.parametrize(("kind", "problem"), [("file", "is a file"), ("link", "is a link")])
def test_other_kind_of_file_at_the_path_is_an_error(kind: str, problem: str) -> None:
    files = FakeFiles()
    files.put(SHARE, kind="file" if kind == "file" else "link")
    with pytest.raises(ShareNotDirectoryError, match=problem):
        TryWrite(SHARE, "test").apply(fake_host(files=files))


@pytest.mark.parametrize(
    ("path", "number", "read_only"),
    [("/etc", 26, False), ("/srv/x/y", 31, False), ("/mnt/a b/c", 41, True), ("/mnt", 26, False)],
)
def test_last_and_deepest_mount_holds_a_path(path: str, number: int, *, read_only: bool) -> None:
    files = FakeFiles()
    files.put("/proc/self/mountinfo", TABLE)
    found = mount_of(Path(path), files)
    assert found is not None
    assert (found.number, found.read_only) == (number, read_only)


def test_no_mount_is_found_without_a_table() -> None:
    assert mount_of(Path("/srv"), FakeFiles()) is None
