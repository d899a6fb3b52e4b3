"""The stage mount for Azure Files with an account key: what it does when, and what it asks."""

import errno
from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.azure.errors import (
    ArmUnreachableError,
    KeyVaultAccessLostError,
    KeyVaultForbiddenError,
    KeyVaultUnreachableError,
    StorageAccessLostError,
    StorageKeysForbiddenError,
)
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.share.credentials import file_of
from clawbot_agent.features.share.errors import (
    ShareCifsMissingError,
    ShareCoveredError,
    ShareKeyWrongError,
    SharePortBlockedError,
)
from clawbot_agent.features.share.trial import ShareNotWritableError
from clawbot_agent.host.files import FileReadError
from clawbot_agent.host.network import Reached
from clawbot_agent.host.share_errors import (
    ShareAccessLostError,
    ShareHungError,
    ShareServerAwayError,
    ShareStaleError,
)
from tests.unit.features.share.conftest import HOST, KEY, SHARE, UNIT, Machine, azure_config

CONFIG: Final = azure_config()
BY_ARM: Final = azure_config(key_secret=None)
FILE: Final = Path("/etc/smbcredentials/botshares.cred")
UNIT_FILE: Final = Path("/run/systemd/system") / UNIT
UNC: Final = f"//{HOST}/bot"
MOUNT: Final = f"mount {UNC} on {SHARE}"
PROVIDER: Final = "/providers/Microsoft.Storage"
TRY: Final = f"try a write on {SHARE}"


def test_a_bare_machine_is_done_after_one_pass(machine: Machine) -> None:
    """Key, credentials, unit, mount, trial; the second look asks Azure nothing."""
    assert machine.apply(CONFIG) == [
        "make directory /etc/smbcredentials, mode 0700, owner 0 (missing)",
        f"write {FILE} (missing)",
        f"{MOUNT} (not mounted)",
        f"{TRY} (it is newly mounted)",
    ]
    found = machine.files.stat(FILE)
    assert found is not None
    assert (found.mode, found.uid, found.gid) == (0o600, 0, 0)
    assert machine.files.read_text(FILE) == f"username=botshares\npassword={KEY}\n"
    assert machine.asked == ["secret storage-key"]
    assert machine.look(CONFIG).reason == f"{UNC} is mounted on {SHARE} and takes writes"


def test_the_unit_mounts_with_locks_and_never_gives_up(machine: Machine) -> None:
    """What other parts rely on; the rest of the options is a matter of cost."""
    machine.apply(CONFIG)
    text = machine.files.read_text(UNIT_FILE) or ""
    assert f"What={UNC}\nWhere={SHARE}\nType=cifs\n" in text
    options = text.partition("Options=")[2].partition("\n")[0].split(",")
    wanted = {"vers=3.1.1", "hard", "nosharesock", "uid=0", "file_mode=0600", "dir_mode=0700"}
    assert wanted | {"sec=ntlmssp", f"credentials={FILE}"} <= set(options)
    assert "nobrl" not in options
    assert KEY not in text


def test_the_key_comes_from_arm_when_no_secret_is_named(machine: Machine) -> None:
    """Asked in the instance's own resource group, unless another one is configured."""
    machine.apply(BY_ARM)
    other = Machine()
    other.apply(azure_config(key_secret=None, resource_group="files-rg"))
    assert [machine.asked, other.asked] == [
        [f"/subscriptions/sub/resourceGroups/{group}{PROVIDER}/storageAccounts/botshares"]
        for group in ("bot-rg", "files-rg")
    ]


def test_the_key_is_known_to_the_redactor_and_in_no_summary(machine: Machine) -> None:
    """Fetched now, or kept from before."""
    shown = " ".join(machine.apply(CONFIG))
    assert KEY not in shown
    assert KEY not in machine.host.redactor.scrub(f"pass={KEY}")
    again = Machine()
    again.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    again.mounted()
    again.files.put(UNIT_FILE, "old")
    again.look(CONFIG)
    assert again.asked == []
    assert KEY not in again.host.redactor.scrub(f"pass={KEY}")


def test_after_a_reboot_a_rotated_key_is_written_before_the_mount(machine: Machine) -> None:
    """The file outlived the boot; unit and trial did not."""
    machine.files.put("/etc/smbcredentials", kind="directory", mode=0o700)
    machine.files.put(FILE, "username=botshares\npassword=old\n", mode=0o600)
    assert machine.apply(CONFIG) == [
        f"write {FILE} (other content)",
        f"{MOUNT} (not mounted)",
        f"{TRY} (it is newly mounted)",
    ]


@pytest.mark.parametrize(
    ("config", "outage"),
    [(CONFIG, KeyVaultUnreachableError("no route")), (BY_ARM, ArmUnreachableError("no route"))],
    ids=["key vault", "arm"],
)
def test_in_an_outage_the_kept_key_does(
    machine: Machine, config: object, outage: ClawbotError
) -> None:
    """And the plan says so."""
    machine.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    machine.trouble = outage
    plan = machine.look(config)  # type: ignore[arg-type]  # of a table
    assert f"{MOUNT} (not mounted)" in [action.summary for action in plan.actions]
    assert plan.reason.endswith(f"; with the key from before: {outage.code}: no route")
    machine.files.remove(FILE)
    with pytest.raises(type(outage)):
        machine.look(config)  # type: ignore[arg-type]  # of a table


@pytest.mark.parametrize(
    ("config", "refused", "lost"),
    [
        (CONFIG, KeyVaultForbiddenError("403"), KeyVaultAccessLostError),
        (BY_ARM, StorageKeysForbiddenError("403"), StorageAccessLostError),
    ],
    ids=["key vault", "arm"],
)
def test_a_role_that_was_taken_away_is_not_waited_for_as_a_new_one(
    machine: Machine, config: object, refused: ClawbotError, lost: type[ClawbotError]
) -> None:
    """Whoever had the key before had the role."""
    machine.trouble = refused
    with pytest.raises(type(refused)) as first:
        machine.look(config)  # type: ignore[arg-type]  # of a table
    assert first.value.retry.within == 900
    machine.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    with pytest.raises(lost) as later:
        machine.look(config)  # type: ignore[arg-type]  # of a table
    assert later.value.retry.within < 60


def test_a_healthy_mount_whose_credentials_are_gone_gets_them_again(machine: Machine) -> None:
    """The next mount needs them; this one stays."""
    machine.apply(CONFIG)
    machine.files.remove(FILE)
    assert machine.apply(CONFIG) == [f"write {FILE} (missing)"]
    machine.files.change(FILE, mode=0o644, uid=0)
    assert machine.apply(CONFIG) == [f"write {FILE} (mode is 0644)"]
    assert (machine.mounts, machine.asked) == (1, ["secret storage-key"] * 2)


def test_other_options_wait_for_the_next_mount(machine: Machine) -> None:
    """Mounting anew would take the share from under a running bot."""
    machine.apply(CONFIG)
    machine.files.put(UNIT_FILE, "of an older agent")
    assert machine.apply(CONFIG) == [f"write {UNIT_FILE} (other options, for the next mount)"]
    assert machine.mounts == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"//{HOST}/other", f"//{HOST}/other is mounted there"),
        (UNC, "somebody else mounted it"),
    ],
)
def test_what_others_mounted_is_mounted_anew(machine: Machine, source: str, why: str) -> None:
    """Another share, or ours with options that nobody knows."""
    machine.mounted(source)
    assert f"{MOUNT} ({why})" in machine.apply(CONFIG)
    assert ("systemctl", "restart", UNIT) in machine.run.argvs


def test_another_kind_of_file_system_is_left_alone(machine: Machine) -> None:
    """It may be somebody's disk."""
    machine.mounted("/dev/sdb1", kind="ext4")
    with pytest.raises(ShareCoveredError, match=r"/dev/sdb1 is mounted there \(ext4\)"):
        machine.look(CONFIG)


@pytest.mark.parametrize(
    "trouble",
    [
        ShareStaleError("stale"),
        ShareAccessLostError("key was rejected"),
        FileReadError("Permission denied", number=errno.EACCES),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_a_mount_that_is_of_no_use_is_made_anew_with_a_fresh_key(
    machine: Machine, trouble: Exception
) -> None:
    """Deleted and made again, key rotated, session refused."""
    machine.apply(CONFIG)
    machine.files.trouble = trouble
    machine.key = "bmV3LWtleQ=="
    done = machine.apply(CONFIG)
    assert done[0] == f"write {FILE} (other content)"
    assert done[1].startswith(MOUNT)
    assert machine.mounts == 2
    assert ("systemctl", "restart", UNIT) in machine.run.argvs


def test_a_session_that_is_being_renewed_gets_another_chance(machine: Machine) -> None:
    """Mounting anew stops the bot."""
    machine.apply(CONFIG)
    machine.files.trouble, machine.files.times = ShareAccessLostError("for a moment"), 1
    assert machine.look(CONFIG).empty
    assert machine.clock.waits == [5.0]


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (Reached.OPEN, ShareHungError),
        (Reached.REFUSED, ShareServerAwayError),
        (Reached.UNREACHABLE, ShareServerAwayError),
        (Reached.SILENT, SharePortBlockedError),
    ],
)
def test_a_hung_mount_is_not_touched_and_told_by_its_cause(
    machine: Machine, found: Reached, error: type[ClawbotError]
) -> None:
    """The kernel goes on by itself when the server is back; nothing is unmounted."""
    machine.apply(CONFIG)
    machine.files.trouble = ShareHungError(f"{SHARE}: no answer")
    machine.reach.found[HOST] = found
    with pytest.raises(error) as caught:
        machine.look(CONFIG)
    assert caught.value.retry.within == 300
    machine.files.trouble = None
    assert machine.look(CONFIG).empty


def test_a_mount_that_fails_is_told_by_its_cause(machine: Machine) -> None:
    """And a later attempt asks for the key again."""
    machine.said = "mount error(13): Permission denied\nRefer to the mount.cifs(8) page"
    with pytest.raises(ShareKeyWrongError, match=r"//botshares.* mount error\(13\)"):
        machine.apply(CONFIG)
    machine.said = None
    machine.key = "cmlnaHQga2V5"
    assert f"write {FILE} (other content)" in machine.apply(CONFIG)


def test_a_mount_that_was_cut_off_looks_at_the_port(machine: Machine) -> None:
    """It said nothing."""
    machine.cut_off = True
    machine.reach.found[HOST] = Reached.SILENT
    with pytest.raises(SharePortBlockedError, match="port 445: no answer"):
        machine.apply(CONFIG)


def test_a_kernel_without_smb_says_which_package_has_it(machine: Machine) -> None:
    """Before systemd says that the mount failed."""
    machine.files.put("/proc/filesystems", "nodev\tproc\n")
    machine.run.answer("modprobe", "cifs", returncode=1, stderr="modprobe: not found in /lib")
    with pytest.raises(ShareCifsMissingError, match="not found in /lib") as caught:
        machine.apply(CONFIG)
    assert "linux-modules-extra" in caught.value.hint


def test_a_share_that_takes_no_write_is_not_done(machine: Machine) -> None:
    """Mounted read-only, or its quota is used up."""
    machine.files.refused.add(SHARE)
    with pytest.raises(ShareNotWritableError):
        machine.apply(CONFIG)


def test_a_key_with_a_second_line_adds_no_setting(machine: Machine) -> None:
    """mount.cifs would read `domain=` from it."""
    machine.key = f"{KEY}\ndomain=evil"
    with pytest.raises(ShareKeyWrongError, match="several words"):
        machine.look(CONFIG)
    machine.key = f" {KEY}\n"
    machine.apply(CONFIG)


def test_the_file_is_named_after_the_account() -> None:
    """Other parts look for it there."""
    share = CONFIG.share.azure_files
    assert share is not None
    assert file_of(share) == FILE
