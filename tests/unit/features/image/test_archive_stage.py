"""The image on the share: saved once, loaded by the next instance, never trusted blindly."""

from pathlib import Path

import pytest

from clawbot_agent.features.image.archive import ImageArchiveUnusableError, archive_of
from clawbot_agent.features.image.archive_stage import ArchiveFacts, ImageArchiveStage
from clawbot_agent.features.image.errors import ImageDiskFullError
from clawbot_agent.features.image.recipe import recipe
from clawbot_agent.features.image.stage import ImageStage
from clawbot_agent.host.docker import DockerCallError
from tests.fakes import FakeDocker, FakeFiles, fake_host
from tests.fakes.config import a_config

CONFIG = a_config()
RECIPE = recipe(CONFIG)
TAG = "clawbot/openclaw:2026.9.6"
ARCHIVE = archive_of(CONFIG, RECIPE, architecture="x86_64")
OTHER, OLDER = (ARCHIVE.with_name(f"openclaw-{v}-x86_64-abc.tar.zst") for v in ("2026.9.5", "1"))
LEFT = ARCHIVE.with_name(f".{ARCHIVE.name}.x1y2")
BUILT = {"Id": "sha256:built", "Config": {"Labels": RECIPE.labels}}

TABLE = {
    "nothing there": (ArchiveFacts(ARCHIVE), [f"save {TAG} to {ARCHIVE}"]),
    "saved": (ArchiveFacts(ARCHIVE, (ARCHIVE,)), []),
    "the one before is kept": (ArchiveFacts(ARCHIVE, (ARCHIVE, OTHER)), []),
    "older ones go": (
        ArchiveFacts(ARCHIVE, (ARCHIVE, OTHER, OLDER)),
        [f"remove {OLDER} (not needed to go back)"],
    ),
    "a new one comes": (
        ArchiveFacts(ARCHIVE, (OTHER, OLDER)),
        [f"save {TAG} to {ARCHIVE}", f"remove {OLDER} (not needed to go back)"],
    ),
    "a run was killed while it saved": (
        ArchiveFacts(ARCHIVE, (ARCHIVE,), (LEFT,)),
        [f"remove {LEFT} (left by a write that was cut off)"],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan(facts: ArchiveFacts, summaries: list[str]) -> None:
    plan = ImageArchiveStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries


def test_a_pulled_image_is_not_kept() -> None:
    pulled = a_config(openclaw={"image": {"source": "pull"}})
    assert ImageArchiveStage().skip_reason(pulled) == "the image is pulled, not built"
    off = a_config(openclaw={"image": {"archive": False}})
    assert ImageArchiveStage().skip_reason(off) == "openclaw.image.archive is false"


def _machine(archived: object = BUILT) -> tuple[FakeDocker, FakeFiles]:
    """An engine without images, and a share that holds one."""
    docker, files = FakeDocker(engine={"Architecture": "x86_64"}), FakeFiles()
    files.write(ARCHIVE, "zstd", mode=0o600)
    docker.archives[ARCHIVE] = archived  # type: ignore[assignment]  # a document, or none
    return docker, files


def test_the_next_instance_loads_what_this_one_built() -> None:
    docker, files = _machine()
    host = fake_host(docker=docker, files=files)
    plan = ImageStage().look(host, CONFIG)
    assert [action.summary for action in plan.actions] == [f"load {TAG} from {ARCHIVE} (not there)"]
    plan.actions[0].apply(host)
    assert ImageStage().look(host, CONFIG).empty


def test_an_archive_of_something_else_is_removed_and_the_image_built() -> None:
    docker, files = _machine({"Id": "sha256:x", "Config": {"Labels": {}}})
    host = fake_host(docker=docker, files=files)
    plan = ImageStage().look(host, CONFIG)
    with pytest.raises(ImageArchiveUnusableError) as raised:
        plan.actions[0].apply(host)
    assert raised.value.retryable
    assert files.stat(ARCHIVE) is None
    summaries = [action.summary for action in ImageStage().look(host, CONFIG).actions]
    assert any(summary.startswith(f"build {TAG}") for summary in summaries)


def test_a_damaged_archive_is_removed() -> None:
    docker, files = _machine()
    docker.refusals["load_image"] = DockerCallError("docker load: the file is damaged")
    host = fake_host(docker=docker, files=files)
    with pytest.raises(ImageArchiveUnusableError, match="damaged"):
        ImageStage().look(host, CONFIG).actions[0].apply(host)
    assert files.stat(ARCHIVE) is None


def test_switched_off_nothing_is_loaded() -> None:
    docker, files = _machine()
    off = a_config(openclaw={"image": {"archive": False}})
    plan = ImageStage().look(fake_host(docker=docker, files=files), off)
    assert [type(action).__name__ for action in plan.actions] == ["PullImage", "BuildImage"]


def test_the_name_says_all_that_matters() -> None:
    other = archive_of(CONFIG, RECIPE, architecture="aarch64")
    assert {ARCHIVE.parent, other.parent} == {Path("/srv/clawbot/share/images")}
    assert other != ARCHIVE
    assert "2026.9.6" in ARCHIVE.name


def test_what_others_keep_on_the_share_stays() -> None:
    """And what another instance is still writing."""
    docker, files = _machine()
    folder = ARCHIVE.parent
    young = folder / f".{ARCHIVE.name}.young"
    for path in (folder / "holiday.jpg", folder / ".picasa.ini", young):
        files.write(path, "x", mode=0o644)
    files.mkdir(folder / "openclaw-albums.tar.zst", mode=0o755)
    plan = ImageArchiveStage().look(fake_host(docker=docker, files=files), CONFIG)
    assert plan.empty


def test_an_instance_without_room_does_not_blame_the_archive() -> None:
    docker, files = _machine()
    docker.refusals["load_image"] = DockerCallError("docker load: no space left on device")
    host = fake_host(docker=docker, files=files)
    with pytest.raises(ImageDiskFullError):
        ImageStage().look(host, CONFIG).actions[0].apply(host)
    assert files.stat(ARCHIVE) is not None
