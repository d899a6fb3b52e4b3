"""What is removed from a disk that is nearly full, and what is kept."""

from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.features.disk_space.stage import DiskSpaceStage
from clawbot_agent.features.image.recipe import VERSION_LABEL
from clawbot_agent.features.registry import all_stages
from clawbot_agent.host import Host
from clawbot_agent.host.files import Space
from tests.fakes import FakeDocker, FakeFiles, FakeRun, a_config, fake_host

CONFIG = a_config()
STAGE = DiskSpaceStage()
TABLE = Path("/proc/self/mountinfo")
ROOT = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
LOGS = "21 20 8:2 / /var/log rw - ext4 /dev/sdb1 rw\n"
SHARE = "22 20 0:9 / /var/lib/docker rw - cifs //a/b rw\n"
MEGA = 10**6


def space(*, free: float = 0.5, files: float = 0.5, giga: float = 30) -> Space:
    return Space(int(giga * 1e9), int(free * giga * 1e9), 10**6, int(files * 10**6))


def image(number: int, *, ours: bool = True) -> dict[str, Any]:
    labels = {VERSION_LABEL: "1"} if ours else {}
    return {"Id": f"sha256:{number}", "Size": 1500 * MEGA, "Config": {"Labels": labels}}


class Machine:
    """A disk with files of every kind on it."""

    def __init__(self, *, table: str = ROOT, **spaces: Space) -> None:
        """Set the free space by mount point; "root" is /."""
        self.files = FakeFiles()
        self.files.put(TABLE, table)
        for name in ("syslog", "syslog.1", "syslog.2.gz", "clawbot/events.jsonl.1", "apt/term.log"):
            self.files.put(f"/var/log/{name}", "x" * 100)
        self.files.put("/var/log/apt/history.log.1.gz", "x" * 100)
        self.files.put("/var/cache/apt/archives/jq.deb", "x" * 100)
        self.files.put("/var/cache/apt/archives/lock")
        self.files.put("/var/crash/node.crash", "x" * 100)
        self.files.put("/var/lib/clawbot/state/session.1", "bot data")
        self.files.put("/var/lib/docker", kind="directory")
        self.run = FakeRun()
        self.run.effect("apt-get", "clean", act=self._clean)
        self.docker = FakeDocker(
            images={
                CONFIG.image_tag: image(1),
                "clawbot/openclaw:old": image(2),
                "clawbot/openclaw:serving": image(3),
                "sandbox:of-the-bot": image(4, ours=False),
                "<none>:5": image(5, ours=False),
            },
            containers={"openclaw-gateway": {"Image": "sha256:3"}},
            build_cache=700 * MEGA,
        )
        self.spaces = spaces

    def _clean(self, _call: object) -> None:
        self.files.remove(Path("/var/cache/apt/archives/jq.deb"))

    @property
    def host(self) -> Host:
        """Return the host with that free space."""

        def of(path: Path) -> Space:
            logs = path.is_relative_to("/var/log") and "logs" in self.spaces
            return self.spaces["logs" if logs else "root"]

        return fake_host(files=self.files, docker=self.docker, run=self.run, space=of)

    def plan(self) -> list[str]:
        """Return the summaries of the stage's plan."""
        return [action.summary for action in STAGE.look(self.host, CONFIG).actions]


@pytest.mark.parametrize(
    ("found", "scarce"),
    [
        (space(), False),
        (space(free=0.149), True),
        (space(free=0.15), False),
        (space(free=0.149, giga=1000), False),
        (space(files=0.1), True),
        (Space(0, 0, 0, 0), False),
    ],
    ids=["half empty", "full", "just enough", "large disk", "inodes", "uncounted"],
)
def test_only_a_nearly_full_disk_is_cleaned(found: Space, *, scarce: bool) -> None:
    assert bool(Machine(root=found).plan()) is scarce


def test_nothing_is_searched_while_there_is_free_space() -> None:
    machine = Machine(root=space())
    machine.docker.up = False
    assert STAGE.look(machine.host, CONFIG).reason == "the disks have free space"
    assert machine.run.calls == []


def test_the_plan_names_everything_that_is_removed() -> None:
    assert Machine(root=space(free=0.05)).plan() == [
        "apt-get clean, 0 MB",
        "remove 3 rotated logs, 0 MB",
        "remove 1 crash dumps, 0 MB",
        "empty the build cache, 700 MB",
        "remove image sha256:5 (not in use, 1500 MB)",
        "remove image clawbot/openclaw:old (not in use, 1500 MB)",
    ]


def test_bot_data_and_images_in_use_are_kept() -> None:
    machine = Machine(root=space(free=0.05))
    for action in STAGE.look(machine.host, CONFIG).actions:
        action.apply(machine.host)
    assert set(machine.docker.images) == {
        CONFIG.image_tag,
        "clawbot/openclaw:serving",
        "sandbox:of-the-bot",
    }
    for kept in ("log/syslog", "log/clawbot/events.jsonl.1", "lib/clawbot/state/session.1"):
        assert machine.files.stat(Path("/var") / kept) is not None
    assert machine.files.stat(Path("/var/log/syslog.1")) is None
    # still full: nothing more can be done, which is not a failure
    plan = STAGE.look(machine.host, CONFIG)
    assert plan.empty
    assert plan.reason == ("/ has 5% of bytes, 50% of inodes free, and nothing is left to remove")


def test_only_files_on_the_full_disk_are_removed() -> None:
    machine = Machine(table=ROOT + LOGS, root=space(), logs=space(free=0.01, giga=2))
    assert machine.plan() == ["remove 3 rotated logs, 0 MB"]


def test_free_space_of_a_share_is_never_queried() -> None:
    machine = Machine(table=ROOT + SHARE, root=space())
    asked: list[Path] = []

    def of(path: Path) -> Space:
        asked.append(path)
        return space()

    STAGE.look(fake_host(files=machine.files, space=of), CONFIG)
    assert Path("/") in asked
    assert Path("/var/lib/docker") not in asked


def test_files_are_removed_when_docker_is_down() -> None:
    machine = Machine(root=space(free=0.05))
    machine.docker.up = False
    assert machine.plan() == [
        "apt-get clean, 0 MB",
        "remove 3 rotated logs, 0 MB",
        "remove 1 crash dumps, 0 MB",
    ]


def test_the_journal_is_shortened_and_not_emptied() -> None:
    machine = Machine(root=space(free=0.05))
    folder = Path("/var/log/journal/0123")
    machine.files.put(folder / "system.journal", "x" * 80 * MEGA)
    assert not any("journal" in line for line in machine.plan())
    machine.files.put(folder / "system@1.journal", "x" * 80 * MEGA)
    assert "shorten the journal, 80 MB of old entries, to 67 MB" in machine.plan()


def test_the_stage_is_not_required() -> None:
    assert not STAGE.required(CONFIG)
    (action, *_) = STAGE.look(Machine(root=space(free=0.05)).host, CONFIG).actions
    assert STAGE.repairs(action) == "disk-space"


def test_stages_that_a_full_disk_breaks_run_after_it() -> None:
    graph = all_stages()
    assert STAGE.needs == ()
    assert {"apt", "docker", "image", "gateway"} <= graph.dependants(STAGE.name)
