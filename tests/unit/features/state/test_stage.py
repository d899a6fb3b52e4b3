from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.features.state.directory import DirectoryFacts, LocalFacts
from clawbot_agent.features.state.errors import StateNotDirectoryError
from clawbot_agent.features.state.stage import StateStage
from clawbot_agent.host.files import FileStat
from tests.fakes import FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = StateStage()
CONFIG: Final = a_config()
STATE: Final = Path("/var/lib/clawbot/state")
TO_GATEWAY: Final = "to 1000:1000 (not usable by the gateway)"
GOOD: Final = FileStat("directory", 0o700, 1000, 1000, 0, 0)


@pytest.mark.parametrize(
    ("found", "summaries"),
    [
        (DirectoryFacts(GOOD), ()),
        (
            DirectoryFacts(None, missing_parents=(Path("/var/lib/clawbot"),)),
            (
                "make directory /var/lib/clawbot, mode 0755, owner 0 (missing)",
                f"make directory {STATE}, mode 0700, owner 1000 (missing)",
            ),
        ),
        (
            DirectoryFacts(replace(GOOD, uid=0, gid=0)),
            (f"make directory {STATE}, mode 0700, owner 1000 (owner is 0:0)",),
        ),
        (
            DirectoryFacts(replace(GOOD, mode=0o755)),
            (f"make directory {STATE}, mode 0700, owner 1000 (mode is 0755)",),
        ),
        (
            DirectoryFacts(GOOD, foreign=("a", "openclaw.json")),
            (f"change the owner of a, openclaw.json in {STATE} {TO_GATEWAY}",),
        ),
        (
            DirectoryFacts(GOOD, foreign=tuple("abcdefg")),
            (f"change the owner of a, b, c, d, e and 2 more in {STATE} {TO_GATEWAY}",),
        ),
        (
            DirectoryFacts(replace(GOOD, kind="link")),
            (f"make directory {STATE} (the path is a link)",),
        ),
    ],
    ids=["complete", "bare", "owner", "mode", "foreign", "many foreign", "not a directory"],
)
def test_plan(found: DirectoryFacts, summaries: tuple[str, ...]) -> None:
    assert tuple(a.summary for a in STAGE.plan(LocalFacts(found), CONFIG).actions) == summaries


def test_the_reason_names_owner_and_mode() -> None:
    assert (
        STAGE.plan(LocalFacts(DirectoryFacts(GOOD)), CONFIG).reason
        == f"{STATE} belongs to 1000, mode 0700"
    )


def test_probe_finds_foreign_owners_at_the_first_level_only() -> None:
    files = FakeFiles()
    files.put(STATE, kind="directory", mode=0o700, uid=1000, gid=1000)
    files.put(STATE / "mine", uid=1000, gid=1000)
    files.put(STATE / "roots")
    files.put(STATE / "lost+found", kind="directory")
    files.put(STATE / "d", kind="directory", uid=1000, gid=1000)
    files.put(STATE / "d" / "below")
    facts = STAGE.probe(fake_host(files=files), CONFIG)
    assert isinstance(facts, LocalFacts)
    assert facts.directory.foreign == ("roots",)
    assert facts.directory.missing_parents == ()


def test_owner_of_a_link_is_changed_and_not_of_its_target() -> None:
    run = FakeRun()
    run.answer("chown")
    for action in STAGE.plan(
        LocalFacts(DirectoryFacts(GOOD, foreign=("-odd", "l"))), CONFIG
    ).actions:
        action.apply(fake_host(run=run))
    assert run.argvs == [
        (
            *("chown", "--recursive", "--no-dereference", "1000:1000", "--"),
            *(f"{STATE}/-odd", f"{STATE}/l"),
        )
    ]


def test_a_file_at_the_state_directory_is_never_removed() -> None:
    files = FakeFiles()
    files.put(STATE, "precious")
    host = fake_host(files=files)
    with pytest.raises(StateNotDirectoryError):
        STAGE.look(host, CONFIG).actions[0].apply(host)
    assert files.read_text(STATE) == "precious"
