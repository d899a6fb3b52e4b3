"""Mount units: what is written, and what a mount that fails leaves to read."""

from pathlib import Path

import pytest

from clawbot_agent.features.mounts.units import MountFailedError, StartMount, start_mount, unit_text
from tests.fakes import FakeFiles, FakeRun, fake_host

WHERE = Path("/srv/clawbot/share")
UNIT = "srv-clawbot-share.mount"
FILE = Path("/run/systemd/system") / UNIT


def text(**changes: object) -> str:
    """A unit for the share, with `changes`."""
    given = {
        "what": "//bot.file.core.windows.net/bot",
        "where": WHERE,
        "kind": "cifs",
        "options": ("vers=3.1.1", "hard"),
        "description": "Share",
    }
    return unit_text(**{**given, **changes})  # type: ignore[arg-type]  # of a table


def test_says_all_that_was_asked() -> None:
    """One line for each thing; what is required is also ordered after, once."""
    assert text(
        requires=("a.service",), binds_to=("b.mount",), after=("c.target", "a.service")
    ) == (
        "[Unit]\n"
        "Description=Share\n"
        "StartLimitIntervalSec=0\n"
        "Requires=a.service\n"
        "BindsTo=b.mount\n"
        "After=a.service b.mount c.target\n"
        "\n"
        "[Mount]\n"
        "What=//bot.file.core.windows.net/bot\n"
        "Where=/srv/clawbot/share\n"
        "Type=cifs\n"
        "Options=vers=3.1.1,hard\n"
        "TimeoutSec=60\n"
    )


def test_percent_is_no_specifier() -> None:
    """A share or a path may have a percent sign in it."""
    assert "What=//h/100%%\n" in text(what="//h/100%")


@pytest.mark.parametrize(
    "changes",
    [
        {"what": "//h/a\nOptions=suid"},
        {"description": "ends in a backslash \\"},
        {"options": ("credentials=/a,b",)},
    ],
    ids=str,
)
def test_nothing_can_add_a_line_or_an_option(changes: dict[str, object]) -> None:
    """What would mean something else to systemd or mount is refused."""
    with pytest.raises(ValueError, match=r"mount unit|mount option"):
        text(**changes)


def test_writes_the_unit_before_the_start_and_only_once() -> None:
    """A unit that is as it should be is not read again by systemd."""
    run, files = FakeRun(), FakeFiles()
    run.unit(UNIT, active="inactive", enabled="")
    host = fake_host(run=run, files=files)
    action = StartMount(WHERE, text(), "not mounted")
    action.apply(host)
    action.apply(host)
    assert files.read_text(FILE) == text()
    assert run.argvs == [
        ("systemctl", "daemon-reload"),
        ("systemctl", "start", UNIT),
        ("systemctl", "start", UNIT),
    ]


def test_a_mount_anew_waits_for_a_gateway_that_drains() -> None:
    """What is bound to the mount is stopped by systemd first: up to 330 s."""
    run = FakeRun()
    run.unit(UNIT)
    StartMount(WHERE, text(), "stale", restart=True).apply(fake_host(run=run))
    assert run.calls[-1].argv == ("systemctl", "restart", UNIT)
    assert run.calls[-1].timeout > 360 + 60


def test_a_failed_mount_shows_the_words_of_mount() -> None:
    """Not those of systemd, and only those of the last try."""
    run = FakeRun()
    run.answer("systemctl", "start", returncode=1, stderr="Job for x failed.\nSee systemctl.")
    run.answer("systemctl", "show", stdout="InvocationID=abc\n")
    run.answer("journalctl", "--sync")
    run.answer(
        "journalctl",
        "_SYSTEMD_INVOCATION_ID=abc",
        stdout="mount error(13):  Permission denied\nRefer to the mount.cifs(8) page\n\nmore\n",
    )
    with pytest.raises(MountFailedError) as caught:
        start_mount(fake_host(run=run), WHERE)
    said = "mount error(13): Permission denied; more"
    assert caught.value.said == said
    assert caught.value.message == f"mounting {WHERE}: {said}"


def test_a_mount_that_did_not_run_shows_the_words_of_systemctl() -> None:
    """There is no invocation then."""
    run = FakeRun()
    run.answer("systemctl", "start", returncode=1, stderr="Unit is not loaded properly.\n")
    run.answer("systemctl", "show", stdout="InvocationID=\n")
    with pytest.raises(MountFailedError) as caught:
        start_mount(fake_host(run=run), WHERE)
    assert caught.value.said == ""
    assert caught.value.message.endswith("Unit is not loaded properly.")
