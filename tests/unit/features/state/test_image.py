from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.lease.errors import LeaseLostError
from clawbot_agent.features.mounts.table import Mount
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.state.directory import DirectoryFacts
from clawbot_agent.features.state.errors import StateWouldBeHiddenError
from clawbot_agent.features.state.image import ImageFacts
from clawbot_agent.features.state.names import image_number, newest_image
from clawbot_agent.features.state.stage import StateStage
from clawbot_agent.features.state.units import GATEWAY_DROP_IN, drop_in_text, mount_text
from clawbot_agent.host.files import FileStat
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState
from tests.fakes import FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = StateStage()
CONFIG: Final = a_config(
    share={"kind": "azure-files", "account": "acct", "name": "bot"}, state={"image_size": "8g"}
)
STATE: Final = Path("/var/lib/clawbot/state")
IMAGES: Final = Path("/srv/clawbot/share/state")
GIB: Final = 1024**3
HELD: Final = LeaseReport(state=LeaseState.HELD, generation=7)
GOOD_DIRECTORY: Final = DirectoryFacts(FileStat("directory", 0o700, 1000, 1000, 0, 0))
MOUNT_POINT: Final = DirectoryFacts(FileStat("directory", 0o700, 0, 0, 0, 0))
OPTIONS: Final = (
    *("loop", "data=journal", "noatime", "lazytime", "commit=60", "errors=remount-ro"),
    *("nosuid", "nodev", "_netdev"),
)


def unit(name: str) -> str:
    return mount_text(what=str(IMAGES / name), where=STATE, kind="ext4", options=OPTIONS)


MOUNTED: Final = ImageFacts(
    lease=HELD,
    images=("state-000003.ext4",),
    size=8 * GIB,
    filesystem=8 * GIB,
    mount=Mount(9, STATE, "ext4", read_only=False, source="/dev/loop0"),
    devices={"/dev/loop0": IMAGES / "state-000003.ext4"},
    unit=unit("state-000003.ext4"),
    drop_in=drop_in_text(STATE),
    directory=GOOD_DIRECTORY,
)
BOOTED: Final = replace(
    MOUNTED, mount=None, filesystem=0, devices={}, unit=None, drop_in=None, directory=MOUNT_POINT
)
COPIED: Final = (
    "copy state-000003.ext4 to state-000007.ext4 (its last holder did not release it and may "
    "still write to it)"
)
TIED: Final = f"write {GATEWAY_DROP_IN} (ties the gateway to lease and bot data)"
OPENED: Final = (
    "check state-000003.ext4 (e2fsck)",
    f"mount state-000003.ext4 at {STATE}",
    f"make directory {STATE}, mode 0700, owner 1000 (root of the bot data)",
)


@pytest.mark.parametrize(
    ("facts", "summaries"),
    [
        (MOUNTED, ()),
        (BOOTED, OPENED),
        (
            replace(BOOTED, images=(), size=0, directory=DirectoryFacts(None)),
            (
                f"create {IMAGES}/state-000007.ext4, 8 GiB, ext4, sparse",
                "check state-000007.ext4 (e2fsck)",
                f"make directory {STATE}, mode 0700, owner 0 (mount point)",
                f"mount state-000007.ext4 at {STATE}",
                f"make directory {STATE}, mode 0700, owner 1000 (root of the bot data)",
            ),
        ),
        (
            replace(BOOTED, lease=replace(HELD, suspects=(6,))),
            (
                COPIED,
                "check state-000007.ext4 (e2fsck)",
                f"mount state-000007.ext4 at {STATE}",
                f"make directory {STATE}, mode 0700, owner 1000 (root of the bot data)",
                f"remove {IMAGES}/state-000003.ext4 (state-000007.ext4 is newer)",
            ),
        ),
        # a holder of an older image never had this one
        (replace(BOOTED, lease=replace(HELD, suspects=(2,))), OPENED),
        # a copy was made, but the instance was interrupted before it removed the old one
        (
            replace(MOUNTED, images=("state-000002.ext4", "state-000003.ext4")),
            (f"remove {IMAGES}/state-000002.ext4 (state-000003.ext4 is newer)",),
        ),
        (
            replace(MOUNTED, mount=replace(MOUNTED.mount, read_only=True)),  # type: ignore[type-var]  # is not None here
            (
                f"stop the gateway and unmount {STATE} (mounted read-only)",
                *OPENED,
            ),
        ),
        (
            replace(MOUNTED, devices={"/dev/loop0": IMAGES / "state-000002.ext4"}),
            (
                f"stop the gateway and unmount {STATE} ({IMAGES}/state-000002.ext4 is mounted)",
                *OPENED,
            ),
        ),
        (
            replace(MOUNTED, unit="other"),
            (f"stop the gateway and unmount {STATE} (mount options differ)", *OPENED),
        ),
        (replace(MOUNTED, size=4 * GIB, filesystem=4 * GIB), ("grow state-000003.ext4 to 8 GiB",)),
        (replace(MOUNTED, filesystem=4 * GIB), ("grow state-000003.ext4 to 8 GiB",)),
        (replace(BOOTED, size=4 * GIB), (*OPENED, "grow state-000003.ext4 to 8 GiB")),
        (
            replace(MOUNTED, drop_in=None),
            (TIED,),
        ),
        (
            replace(MOUNTED, directory=replace(GOOD_DIRECTORY, foreign=("mine",))),
            (f"change the owner of mine in {STATE} to 1000:1000 (not usable by the gateway)",),
        ),
        (
            replace(BOOTED, images=(), size=0, directory=replace(MOUNT_POINT, names=("a", "b"))),
            (f"mount empty bot data at {STATE} (the directory has 2 entries)",),
        ),
        (
            replace(MOUNTED, lease=replace(HELD, state=LeaseState.WAITING)),
            ("use the bot data (the lease is not held)",),
        ),
        (replace(MOUNTED, lease=None), ("use the bot data (the lease is not held)",)),
        (
            replace(MOUNTED, writeback={"vm.dirty_writeback_centisecs": 500}),
            ("set vm.dirty_writeback_centisecs to 60000 (it is 500; each write is billed)",),
        ),
        (
            replace(BOOTED, directory=DirectoryFacts(FileStat("link", 0o777, 0, 0, 0, 0))),
            (f"make directory {STATE} (the path is a link)",),
        ),
    ],
    ids=[
        *("converged", "after a boot", "first start", "unclean", "older suspect"),
        *("leftover", "read-only", "other image", "other options", "grow", "half grown"),
        *("grow at boot", "no drop-in", "foreign", "would hide", "lost", "no report", "writeback"),
        "link",
    ],
)
def test_plan(facts: ImageFacts, summaries: tuple[str, ...]) -> None:
    assert tuple(action.summary for action in STAGE.plan(facts, CONFIG).actions) == summaries


def test_a_larger_image_is_kept_and_the_reason_names_its_size() -> None:
    facts = replace(MOUNTED, size=16 * GIB, filesystem=16 * GIB)
    plan = STAGE.plan(facts, CONFIG)
    assert plan.empty
    assert plan.reason == (
        "state-000003.ext4 (16 GiB) is mounted; state.image_size 8g is smaller, but a data image "
        "never shrinks"
    )


def test_mounting_over_existing_files_is_refused() -> None:
    facts = replace(BOOTED, images=(), directory=replace(MOUNT_POINT, names=("openclaw.json",)))
    with pytest.raises(StateWouldBeHiddenError, match=r"already contains openclaw\.json"):
        STAGE.plan(facts, CONFIG).actions[0].apply(fake_host())


def test_the_plan_is_refused_without_the_lease() -> None:
    with pytest.raises(LeaseLostError):
        STAGE.plan(replace(BOOTED, lease=None), CONFIG).actions[0].apply(fake_host())


def test_probe_reads_mount_table_loop_devices_and_superblock() -> None:
    files, run = FakeFiles(), FakeRun()
    files.put(IMAGES / "state-000003.ext4", "x" * 64)
    files.put(IMAGES / ".state-000004.ext4.new")
    files.put(IMAGES / "files", kind="directory")
    files.put("/sys/block/loop0/loop/backing_file", f"{IMAGES}/state-000003.ext4\n")
    files.put("/sys/block/sda", kind="directory")
    files.put(unit_file(STATE), "the unit")
    files.put(STATE, kind="directory", mode=0o700, uid=1000, gid=1000)
    files.put(
        "/proc/self/mountinfo",
        "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"31 20 7:0 / {STATE} rw,noatime - ext4 /dev/loop0 rw,errors=remount-ro\n",
    )
    files.put("/proc/sys/vm/dirty_expire_centisecs", "60000\n")
    files.put("/proc/sys/vm/dirty_writeback_centisecs", "500\n")
    LEASE.save(files, replace(HELD, updated=datetime(2026, 1, 1, tzinfo=UTC)))
    run.answer("dumpe2fs", "-h", "/dev/loop0", stdout="Block count:   16\nBlock size:   4\n")
    facts = STAGE.probe(fake_host(files=files, run=run), CONFIG)
    assert isinstance(facts, ImageFacts)
    assert facts.images == ("state-000003.ext4",)
    assert (facts.size, facts.filesystem) == (64, 64)
    assert facts.mount == Mount(31, STATE, "ext4", read_only=False, source="/dev/loop0")
    assert facts.devices == {"/dev/loop0": IMAGES / "state-000003.ext4"}
    assert facts.unit == "the unit"
    assert facts.writeback == {"vm.dirty_writeback_centisecs": 500}
    assert facts.lease is not None
    assert facts.lease.generation == 7


def test_probe_of_a_bare_machine_finds_nothing() -> None:
    facts = STAGE.probe(fake_host(), CONFIG)
    assert facts == ImageFacts(None, (), 0, 0, None, None, None, DirectoryFacts(None, _above()))


def _above() -> tuple[Path, ...]:
    return tuple(reversed(STATE.parents))


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        ((), None),
        (("files", ".state-000009.ext4.new", "state-12.ext4", "state-000001.ext4.bak"), None),
        (("state-000002.ext4", "state-000010.ext4"), "state-000010.ext4"),
        (("state-999999.ext4", "state-1000000.ext4"), "state-1000000.ext4"),
    ],
)
def test_newest_image_has_the_highest_number(names: tuple[str, ...], newest: str | None) -> None:
    assert newest_image(names) == newest


def test_image_number_is_read_from_the_name() -> None:
    assert image_number("state-000012.ext4") == 12
    assert image_number("x") == 0
