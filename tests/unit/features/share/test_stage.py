from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.mounts.table import Mount, mount_of
from clawbot_agent.features.share.stage import MountFacts, MountStage
from clawbot_agent.features.share.trial import (
    ShareNotDirectoryError,
    ShareNotWritableError,
    TryShare,
)
from clawbot_agent.host.files import FileStat
from tests.fakes import FakeFiles, a_config, fake_host

STAGE: Final = MountStage()
CONFIG: Final = a_config()
SHARE: Final = Path("/srv/clawbot/share")
DIRECTORY: Final = FileStat("directory", 0o700, 0, 0, 0, 0)
ROOT: Final = Mount(26, Path("/"), "ext4", read_only=False)
TRIED: Final = '{"path": "/srv/clawbot/share", "mount": [26, "/"]}'
DONE: Final = MountFacts(DIRECTORY, ROOT, TRIED)
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
                f"make directory {SHARE}, mode 0700, owner 0 (the share is not there)",
                f"try a write on {SHARE} (it is new)",
            ),
        ),
        (
            replace(DONE, tried=None),
            (f"try a write on {SHARE} (not tried since this boot or on this mount)",),
        ),
        (
            replace(DONE, mount=replace(ROOT, number=27)),
            (f"try a write on {SHARE} (not tried since this boot or on this mount)",),
        ),
        (
            replace(DONE, mount=replace(ROOT, read_only=True)),
            (f"try a write on {SHARE} (/ is mounted read-only)",),
        ),
        (
            replace(DONE, found=replace(DIRECTORY, kind="file")),
            (f"try a write on {SHARE} (a file is there)",),
        ),
    ],
    ids=["all there", "bare", "after a boot", "mounted anew", "read-only", "not a directory"],
)
def test_plan(found: MountFacts, summaries: tuple[str, ...]) -> None:
    plan = STAGE.plan(found, CONFIG)
    assert tuple(action.summary for action in plan.actions) == summaries
    assert plan.reason == "directory /srv/clawbot/share takes writes"


def test_a_bare_machine_is_done_after_one_pass() -> None:
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


def test_a_share_that_refuses_the_write_is_an_error() -> None:
    files = FakeFiles(refused={SHARE})
    files.put(SHARE, kind="directory")
    with pytest.raises(ShareNotWritableError, match="No space left"):
        TryShare(SHARE, "test").apply(fake_host(files=files))


@pytest.mark.parametrize(("kind", "told"), [("file", "is a file"), ("link", "is a link")])
def test_something_else_at_the_path_is_an_error(kind: str, told: str) -> None:
    files = FakeFiles()
    files.put(SHARE, kind="file" if kind == "file" else "link")
    with pytest.raises(ShareNotDirectoryError, match=told):
        TryShare(SHARE, "test").apply(fake_host(files=files))


@pytest.mark.parametrize(
    ("path", "number", "read_only"),
    [("/etc", 26, False), ("/srv/x/y", 31, False), ("/mnt/a b/c", 41, True), ("/mnt", 26, False)],
)
def test_the_last_and_deepest_mount_counts(path: str, number: int, *, read_only: bool) -> None:
    files = FakeFiles()
    files.put("/proc/self/mountinfo", TABLE)
    found = mount_of(Path(path), files)
    assert found is not None
    assert (found.number, found.read_only) == (number, read_only)


def test_no_table_no_mount() -> None:
    assert mount_of(Path("/srv"), FakeFiles()) is None
