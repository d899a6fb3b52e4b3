"""The stage share for Azure Files with an account key: plans, actions and reads of the key."""

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
    ShareNotWritableError,
    SharePortBlockedError,
)
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
TRY: Final = f"write a test file to {SHARE}"


def test_bare_machine_converges_in_one_pass(machine: Machine) -> None:
    """Key, credentials, unit, mount, test write; the second probe sends nothing to Azure."""
    assert machine.apply(CONFIG) == [
        "make directory /etc/smbcredentials, mode 0700, owner 0 (missing)",
        f"write {FILE} (missing)",
        f"{MOUNT} (not mounted)",
        f"{TRY} (new mount)",
    ]
    found = machine.files.stat(FILE)
    assert found is not None
    assert (found.mode, found.uid, found.gid) == (0o600, 0, 0)
    assert machine.files.read_text(FILE) == f"username=botshares\npassword={KEY}\n"
    assert machine.reads == ["secret storage-key"]
    assert machine.look(CONFIG).reason == f"{UNC} is mounted on {SHARE} and takes writes"


def test_unit_has_options_for_locks_and_a_hard_mount(machine: Machine) -> None:
    """Other features rely on these options; the rest only affects cost."""
    machine.apply(CONFIG)
    text = machine.files.read_text(UNIT_FILE) or ""
    assert f"What={UNC}\nWhere={SHARE}\nType=cifs\n" in text
    options = text.partition("Options=")[2].partition("\n")[0].split(",")
    wanted = {"vers=3.1.1", "hard", "nosharesock", "uid=0", "file_mode=0600", "dir_mode=0700"}
    assert wanted | {"sec=ntlmssp", f"credentials={FILE}"} <= set(options)
    assert "nobrl" not in options
    assert KEY not in text


def test_key_is_read_from_arm_when_no_secret_is_named(machine: Machine) -> None:
    """The account is in the instance's resource group unless another one is configured."""
    machine.apply(BY_ARM)
    other = Machine()
    other.apply(azure_config(key_secret=None, resource_group="files-rg"))
    assert [machine.reads, other.reads] == [
        [f"/subscriptions/sub/resourceGroups/{group}{PROVIDER}/storageAccounts/botshares"]
        for group in ("bot-rg", "files-rg")
    ]


def test_key_is_known_to_the_redactor_and_in_no_summary(machine: Machine) -> None:
    """The key is fetched, or kept from an earlier boot."""
    shown = " ".join(machine.apply(CONFIG))
    assert KEY not in shown
    assert KEY not in machine.host.redactor.scrub(f"pass={KEY}")
    rebooted = Machine()
    rebooted.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    rebooted.mounted()
    rebooted.files.put(UNIT_FILE, "old")
    rebooted.look(CONFIG)
    assert rebooted.reads == []
    assert KEY not in rebooted.host.redactor.scrub(f"pass={KEY}")


def test_rotated_key_is_written_before_the_mount_after_a_reboot(machine: Machine) -> None:
    """The file survives the reboot; unit and record of the test write do not."""
    machine.files.put("/etc/smbcredentials", kind="directory", mode=0o700)
    machine.files.put(FILE, "username=botshares\npassword=old\n", mode=0o600)
    assert machine.apply(CONFIG) == [
        f"write {FILE} (other content)",
        f"{MOUNT} (not mounted)",
        f"{TRY} (new mount)",
    ]


@pytest.mark.parametrize(
    ("config", "outage"),
    [(CONFIG, KeyVaultUnreachableError("no route")), (BY_ARM, ArmUnreachableError("no route"))],
    ids=["key vault", "arm"],
)
def test_kept_key_is_used_in_an_outage(
    machine: Machine, config: object, outage: ClawbotError
) -> None:
    """The plan states the reason; without a kept key the outage is an error."""
    machine.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    machine.trouble = outage
    plan = machine.look(config)  # type: ignore[arg-type]  # of a table
    assert f"{MOUNT} (not mounted)" in [action.summary for action in plan.actions]
    assert plan.reason.endswith(f"; with the previous key: {outage.code}: no route")
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
def test_removed_role_is_not_retried_as_long_as_a_new_one(
    machine: Machine, config: object, refused: ClawbotError, lost: type[ClawbotError]
) -> None:
    """An instance with a kept key had the role."""
    machine.trouble = refused
    with pytest.raises(type(refused)) as first:
        machine.look(config)  # type: ignore[arg-type]  # of a table
    assert first.value.retry.within == 900
    machine.files.put(FILE, f"username=botshares\npassword={KEY}\n", mode=0o600)
    with pytest.raises(lost) as later:
        machine.look(config)  # type: ignore[arg-type]  # of a table
    assert later.value.retry.within < 60


def test_missing_credentials_of_a_healthy_mount_are_restored(machine: Machine) -> None:
    """The next mount needs them; this one is kept."""
    machine.apply(CONFIG)
    machine.files.remove(FILE)
    assert machine.apply(CONFIG) == [f"write {FILE} (missing)"]
    machine.files.change(FILE, mode=0o644, uid=0)
    assert machine.apply(CONFIG) == [f"write {FILE} (mode is 0644)"]
    assert (machine.mounts, machine.reads) == (1, ["secret storage-key"] * 2)


def test_changed_options_are_used_at_the_next_mount(machine: Machine) -> None:
    """A remount would interrupt a running bot."""
    machine.apply(CONFIG)
    machine.files.put(UNIT_FILE, "of an older agent")
    assert machine.apply(CONFIG) == [f"write {UNIT_FILE} (options changed, used at the next mount)"]
    assert machine.mounts == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"//{HOST}/other", f"//{HOST}/other is mounted there"),
        (UNC, "mounted without the agent's unit"),
    ],
)
def test_mount_of_other_origin_is_remounted(machine: Machine, source: str, why: str) -> None:
    """Another share, or the right one with unknown options."""
    machine.mounted(source)
    assert f"{MOUNT} ({why})" in machine.apply(CONFIG)
    assert ("systemctl", "restart", UNIT) in machine.run.argvs


def test_other_file_system_at_the_path_is_left_alone(machine: Machine) -> None:
    """It may be a data disk of the operator."""
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
def test_unusable_mount_is_remounted_with_the_current_key(
    machine: Machine, trouble: Exception
) -> None:
    """The share was deleted and created again, the key rotated, or the session refused."""
    machine.apply(CONFIG)
    machine.files.trouble = trouble
    machine.key = "bmV3LWtleQ=="
    summaries = machine.apply(CONFIG)
    assert summaries[0] == f"write {FILE} (other content)"
    assert summaries[1].startswith(MOUNT)
    assert machine.mounts == 2
    assert ("systemctl", "restart", UNIT) in machine.run.argvs


def test_mount_whose_session_is_being_renewed_is_checked_twice(machine: Machine) -> None:
    """A remount would stop the bot."""
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
def test_hung_mount_is_kept_and_reported_by_its_cause(
    machine: Machine, found: Reached, error: type[ClawbotError]
) -> None:
    """The kernel continues by itself when the server returns; nothing is unmounted."""
    machine.apply(CONFIG)
    machine.files.trouble = ShareHungError(f"{SHARE}: no answer")
    machine.reach.found[HOST] = found
    with pytest.raises(error) as caught:
        machine.look(CONFIG)
    assert caught.value.retry.within == 300
    machine.files.trouble = None
    assert machine.look(CONFIG).empty


def test_failed_mount_is_reported_by_its_cause(machine: Machine) -> None:
    """A later attempt reads the key again."""
    machine.output = "mount error(13): Permission denied\nRefer to the mount.cifs(8) page"
    with pytest.raises(ShareKeyWrongError, match=r"//botshares.* mount error\(13\)"):
        machine.apply(CONFIG)
    machine.output = None
    machine.key = "cmlnaHQga2V5"
    assert f"write {FILE} (other content)" in machine.apply(CONFIG)


def test_port_is_probed_when_a_mount_times_out(machine: Machine) -> None:
    """Such a mount has no output."""
    machine.timeout = True
    machine.reach.found[HOST] = Reached.SILENT
    with pytest.raises(SharePortBlockedError, match=":445: no answer"):
        machine.apply(CONFIG)


def test_hint_names_the_package_when_the_kernel_has_no_smb_client(machine: Machine) -> None:
    """The check precedes the mount by systemd."""
    machine.files.put("/proc/filesystems", "nodev\tproc\n")
    machine.run.answer("modprobe", "cifs", returncode=1, stderr="modprobe: not found in /lib")
    with pytest.raises(ShareCifsMissingError, match="not found in /lib") as caught:
        machine.apply(CONFIG)
    assert "linux-modules-extra" in caught.value.hint


def test_share_that_refuses_a_write_is_an_error(machine: Machine) -> None:
    """It is mounted read-only, or its quota is used up."""
    machine.files.refused.add(SHARE)
    with pytest.raises(ShareNotWritableError):
        machine.apply(CONFIG)


def test_key_with_a_second_line_is_refused(machine: Machine) -> None:
    """Otherwise mount.cifs would read `domain=` from it."""
    machine.key = f"{KEY}\ndomain=evil"
    with pytest.raises(ShareKeyWrongError, match="must be one word"):
        machine.look(CONFIG)
    machine.key = f" {KEY}\n"
    machine.apply(CONFIG)


def test_credentials_file_is_named_after_the_account() -> None:
    """The bundle and Azure's tools expect it there."""
    share = CONFIG.share.azure_files
    assert share is not None
    assert file_of(share) == FILE
