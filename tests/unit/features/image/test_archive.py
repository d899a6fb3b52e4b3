"""The image archive on the share: saved once, loaded by the next instance, verified."""

from pathlib import Path

import pytest

from clawbot_agent.features.image.archive import ArchiveFacts, ImageArchiveStage, archive_of
from clawbot_agent.features.image.errors import ImageArchiveUnusableError, ImageDiskFullError
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
    "no archive": (ArchiveFacts(ARCHIVE), [f"save {TAG} to {ARCHIVE}"]),
    "saved": (ArchiveFacts(ARCHIVE, (ARCHIVE,)), []),
    "the previous one is kept": (ArchiveFacts(ARCHIVE, (ARCHIVE, OTHER)), []),
    "older ones are removed": (
        ArchiveFacts(ARCHIVE, (ARCHIVE, OTHER, OLDER)),
        [f"remove {OLDER} (not needed for a rollback)"],
    ),
    "a new one is added": (
        ArchiveFacts(ARCHIVE, (OTHER, OLDER)),
        [f"save {TAG} to {ARCHIVE}", f"remove {OLDER} (not needed for a rollback)"],
    ),
    "saving was interrupted": (
        ArchiveFacts(ARCHIVE, (ARCHIVE,), (LEFT,)),
        [f"remove {LEFT} (left by an interrupted write)"],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan(facts: ArchiveFacts, summaries: list[str]) -> None:
    plan = ImageArchiveStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries


def test_a_pulled_image_is_not_archived() -> None:
    pulled = a_config(openclaw={"image": {"source": "pull"}})
    assert ImageArchiveStage().skip_reason(pulled) == "the image is pulled, not built"
    off = a_config(openclaw={"image": {"archive": False}})
    assert ImageArchiveStage().skip_reason(off) == "openclaw.image.archive is false"


def _machine(archived: object = BUILT) -> tuple[FakeDocker, FakeFiles]:
    """Return a Docker without images, and a share with an archive."""
    docker, files = FakeDocker(engine={"Architecture": "x86_64"}), FakeFiles()
    files.write(ARCHIVE, "zstd", mode=0o600)
    docker.archives[ARCHIVE] = archived  # type: ignore[assignment]  # a document, or none
    return docker, files


def test_the_next_instance_loads_the_archived_image() -> None:
    docker, files = _machine()
    host = fake_host(docker=docker, files=files)
    plan = ImageStage().look(host, CONFIG)
    assert [action.summary for action in plan.actions] == [f"load {TAG} from {ARCHIVE} (missing)"]
    plan.actions[0].apply(host)
    assert ImageStage().look(host, CONFIG).empty


def test_an_archive_with_other_content_is_removed_and_the_image_built() -> None:
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


def test_nothing_is_loaded_when_archives_are_disabled() -> None:
    docker, files = _machine()
    off = a_config(openclaw={"image": {"archive": False}})
    plan = ImageStage().look(fake_host(docker=docker, files=files), off)
    assert [type(action).__name__ for action in plan.actions] == ["PullImage", "BuildImage"]


def test_the_name_contains_release_and_architecture() -> None:
    other = archive_of(CONFIG, RECIPE, architecture="aarch64")
    assert {ARCHIVE.parent, other.parent} == {Path("/srv/clawbot/share/images")}
    assert other != ARCHIVE
    assert "2026.9.6" in ARCHIVE.name


def test_foreign_files_on_the_share_are_kept() -> None:
    """A file that another instance is still writing is kept too."""
    docker, files = _machine()
    folder = ARCHIVE.parent
    young = folder / f".{ARCHIVE.name}.young"
    for path in (folder / "holiday.jpg", folder / ".picasa.ini", young):
        files.write(path, "x", mode=0o644)
    files.mkdir(folder / "openclaw-albums.tar.zst", mode=0o755)
    plan = ImageArchiveStage().look(fake_host(docker=docker, files=files), CONFIG)
    assert plan.empty


def test_an_archive_is_kept_when_the_disk_of_the_instance_is_full() -> None:
    docker, files = _machine()
    docker.refusals["load_image"] = DockerCallError("docker load: no space left on device")
    host = fake_host(docker=docker, files=files)
    with pytest.raises(ImageDiskFullError):
        ImageStage().look(host, CONFIG).actions[0].apply(host)
    assert files.stat(ARCHIVE) is not None
