"""The planner of the stage `image` as a table, and its actions on a fake Docker."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import IMAGE_BUILD_DIR
from clawbot_agent.features.image.actions import OldImage
from clawbot_agent.features.image.recipe import recipe
from clawbot_agent.features.image.stage import ImageFacts, ImageStage
from tests.fakes import FakeDocker, FakeFiles, fake_host
from tests.fakes.config import a_config

CONFIG = a_config()
TAG = "clawbot/openclaw:2026.9.6"
BASE = "node:24-trixie-slim"
DIGEST = "sha256:" + "a" * 64
PULLED = a_config(openclaw={"image": {"source": "pull", "reference": f"ghcr.io/x/y@{DIGEST}"}})
LABELS = recipe(CONFIG).labels
GOOD = ImageFacts(labels=LABELS, base=True)
WITH_BASE = {BASE: {"Id": "sha256:base"}}
# Docker's mark for standard error
RED = "\x1b[91m"
PLAIN = "\x1b[0m"


def _old(name: str, created: int) -> OldImage:
    return OldImage(f"clawbot/openclaw:{name}", f"sha256:{name}", created)


TABLE = {
    "converged": (GOOD, []),
    "no Docker yet": (
        ImageFacts(),
        [f"pull {BASE} (the base image)", f"build {TAG} on {BASE} (missing)"],
    ),
    "other inputs": (
        replace(GOOD, labels=LABELS | {"org.clawbot.openclaw.inputs": "other"}),
        [f"build {TAG} on {BASE} (differs in inputs)"],
    ),
    "a foreign image with the same name": (
        replace(GOOD, labels={}),
        [f"build {TAG} on {BASE} (differs in version, base, inputs)"],
    ),
    "the previous one is kept": (replace(GOOD, old=(_old("b", 2),)), []),
    "older ones are removed": (
        replace(GOOD, old=(_old("a", 1), _old("c", 3), _old("b", 2))),
        [
            "remove image clawbot/openclaw:b (not needed for a rollback)",
            "remove image clawbot/openclaw:a (not needed for a rollback)",
        ],
    ),
    "one in use is kept": (
        replace(GOOD, old=(_old("a", 1), _old("c", 3)), in_use=frozenset({"sha256:a"})),
        ["remove image clawbot/openclaw:c (not needed for a rollback)"],
    ),
    "a rebuild keeps the replaced image": (
        ImageFacts(
            labels=LABELS | {"org.clawbot.openclaw.inputs": "other"},
            current=OldImage("sha256:now", "sha256:now", 9),
            base=True,
            old=(_old("a", 1),),
            in_use=frozenset({"sha256:now"}),
        ),
        [
            f"build {TAG} on {BASE} (differs in inputs)",
            "remove image clawbot/openclaw:a (not needed for a rollback)",
        ],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan_with_source_build(facts: ImageFacts, summaries: list[str]) -> None:
    plan = ImageStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries
    assert plan.reason.startswith(f"{TAG} is built on {BASE}, inputs ")


def test_plan_with_source_pull() -> None:
    reference = PULLED.image_tag
    there = ImageFacts(labels={}, digests=(reference,))
    assert ImageStage().plan(there, PULLED).empty
    for facts, why in (
        (ImageFacts(), "missing"),
        (replace(there, digests=("ghcr.io/x/y@sha256:b",)), "digest differs"),
    ):
        plan = ImageStage().plan(facts, PULLED)
        assert [action.summary for action in plan.actions] == [f"pull {reference} ({why})"]


def test_probe_separates_the_wanted_image_from_others() -> None:
    def built(name: str, created: int) -> dict[str, Any]:
        return {"Id": f"sha256:{name}", "Created": created, "Config": {"Labels": LABELS}}

    docker = FakeDocker(images={TAG: built("now", 2), "clawbot/openclaw:old": built("old", 1)})
    facts = ImageStage().probe(fake_host(docker=docker), CONFIG)
    assert facts.labels == LABELS
    assert facts.current == OldImage("sha256:now", "sha256:now", 2)
    assert facts.old == (_old("old", 1),)


def test_building_uses_rendered_files_and_converges() -> None:
    docker, files = FakeDocker(), FakeFiles()
    files.put(IMAGE_BUILD_DIR / "left-over", "x")
    notes: list[str] = []
    docker.progress = [
        {"stream": "Step 3/9 : RUN : Debian packages; set -e;"},
        {"stream": "\x1b[91mwarning\x1b[0m\n"},
    ]
    host = fake_host(docker=docker, files=files, note=notes.append)
    for action in ImageStage().look(host, CONFIG).actions:
        action.apply(host)
    assert ImageStage().look(host, CONFIG).empty
    assert files.list(IMAGE_BUILD_DIR) == ("Dockerfile", "first-start.mjs")
    dockerfile = files.read_text(IMAGE_BUILD_DIR / "Dockerfile") or ""
    assert f"FROM {BASE}\n" in dockerfile
    assert "openclaw@2026.9.6" in dockerfile
    assert set(notes) == {"step 3/9: Debian packages"}


def _failure(docker: FakeDocker, note: Callable[[str], None] = print) -> ClawbotError:
    """Return the error of the first action."""
    host = fake_host(docker=docker, note=note)
    with pytest.raises(ClawbotError) as caught:
        ImageStage().look(host, CONFIG).actions[0].apply(host)
    return caught.value


@pytest.mark.parametrize(
    ("progress", "code"),
    [
        ([{"error": "manifest for node:x not found: manifest unknown"}], "IMAGE_BASE_NOT_FOUND"),
        ([{"error": "toomanyrequests: slow down"}], "REGISTRY_THROTTLED"),
    ],
)
def test_a_failed_pull_of_the_base_has_its_own_error(
    progress: list[dict[str, Any]], code: str
) -> None:
    assert _failure(FakeDocker(progress=progress)).code == code


def test_only_the_failed_step_explains_a_failure() -> None:
    progress = [
        {"stream": "Step 1/2 : RUN a"},
        {"stream": "E: Failed to fetch, but a retry worked"},
        {"stream": "Step 2/2 : RUN b"},
        {"stream": "Killed"},
        {"error": "The command 'b' returned a non-zero code: 137"},
    ]
    error = _failure(FakeDocker(images=WITH_BASE, progress=progress))
    assert error.code == "IMAGE_OOM"
    assert "retry worked" not in error.message


@pytest.mark.parametrize(
    "pieces",
    [
        [f"{RED}E: {PLAIN}", f"{RED}Unable to locate package x{PLAIN}", f"{RED}\n{PLAIN}"],
        [f"{RED}E: {PLAIN}", "Done\n", f"{RED}Unable to locate package x\n{PLAIN}"],
        [f"{RED}W: x\nE: Unable to {PLAIN}", f"{RED}locate package x{PLAIN}"],
        ["Reading", f"{RED}E: Unable to locate package x{PLAIN}", " lists...\n"],
    ],
    ids=["word by word", "other output between", "half lines", "two lines at once"],
)
def test_a_line_in_pieces_is_joined(pieces: list[str]) -> None:
    """Docker passes on the data of each write(2) of the step, not lines."""
    progress = [
        {"stream": "Step 1/2 : RUN a"},
        {"stream": "\n"},
        *({"stream": piece} for piece in pieces),
        {"error": "The command 'a' returned a non-zero code: 100"},
    ]
    error = _failure(FakeDocker(images=WITH_BASE, progress=progress))
    assert error.code == "IMAGE_PACKAGE_NOT_FOUND"
    assert "E: Unable to locate package x" in error.message


def test_a_line_of_docker_ends_an_unfinished_line() -> None:
    progress = [
        {"stream": "Step 1/2 : RUN a\n"},
        {"stream": "a last line without an end"},
        {"stream": "Step 2/2 : RUN : Debian packages; b"},
        {"stream": "\n"},
        {"error": "The command 'b' returned a non-zero code: 1"},
    ]
    notes: list[str] = []
    error = _failure(FakeDocker(images=WITH_BASE, progress=progress), notes.append)
    assert notes == ["step 2/2: Debian packages"]
    assert "last line" not in error.message


def test_a_pulled_image_with_another_digest_is_an_error() -> None:
    host = fake_host(docker=FakeDocker())
    with pytest.raises(ClawbotError) as caught:
        ImageStage().look(host, PULLED).actions[0].apply(host)
    assert caught.value.code == "IMAGE_DIGEST_MISMATCH"
