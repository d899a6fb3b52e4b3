"""Mount units: their text, their start, and the report of a failed mount."""

from pathlib import Path

import pytest

from clawbot_agent.features.mounts.units import MountFailedError, StartMount, start_mount, unit_text
from tests.fakes import FakeFiles, FakeRun, fake_host

WHERE = Path("/srv/clawbot/share")
UNIT = "srv-clawbot-share.mount"
FILE = Path("/run/systemd/system") / UNIT


def text(**changes: object) -> str:
    """Return a unit for the share, with `changes`."""
    arguments = {
        "what": "//bot.file.core.windows.net/bot",
        "where": WHERE,
        "kind": "cifs",
        "options": ("vers=3.1.1", "hard"),
        "description": "Share",
    }
    return unit_text(**{**arguments, **changes})  # type: ignore[arg-type]  # of a table


def test_unit_contains_every_setting() -> None:
    """Required units are also ordered after, once."""
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


def test_percent_sign_is_not_a_specifier() -> None:
    """The names of shares and paths may contain a percent sign."""
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
def test_value_cannot_add_a_line_or_an_option(changes: dict[str, object]) -> None:
    """Otherwise systemd or mount would read a different setting."""
    with pytest.raises(ValueError, match=r"mount unit|mount option"):
        text(**changes)


def test_unit_is_written_once_and_before_the_start() -> None:
    """An unchanged unit does not reload systemd."""
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


def test_remount_waits_for_the_gateway_to_drain() -> None:
    """Units bound to the mount are stopped first, which takes up to 330 s."""
    run = FakeRun()
    run.unit(UNIT)
    StartMount(WHERE, text(), "stale", restart=True).apply(fake_host(run=run))
    assert run.calls[-1].argv == ("systemctl", "restart", UNIT)
    assert run.calls[-1].timeout > 360 + 60


def test_failed_mount_reports_the_output_of_mount() -> None:
    """Without the lines of systemd and of earlier attempts."""
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
    output = "mount error(13): Permission denied; more"
    assert caught.value.output == output
    assert caught.value.message == f"mounting {WHERE}: {output}"


def test_mount_that_did_not_run_reports_the_output_of_systemctl() -> None:
    """The unit has no invocation."""
    run = FakeRun()
    run.answer("systemctl", "start", returncode=1, stderr="Unit is not loaded properly.\n")
    run.answer("systemctl", "show", stdout="InvocationID=\n")
    with pytest.raises(MountFailedError) as caught:
        start_mount(fake_host(run=run), WHERE)
    assert caught.value.output == ""
    assert caught.value.message.endswith("Unit is not loaded properly.")
