"""Errors of apt and dpkg: one class for each cause that an operator can tell apart."""

from typing import Final

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause, RetryPolicy

__all__ = [
    "AptClockError",
    "AptDiskFullError",
    "AptFailedError",
    "AptHashMismatchError",
    "AptLockHeldError",
    "AptMirrorUnreachableError",
    "AptNoSignatureError",
    "AptPackageNotFoundError",
    "DpkgFailedError",
    "DpkgInterruptedError",
]

# unattended-upgrades holds the locks for minutes on a first boot; looking again is cheap
_WHILE_HELD: Final = RetryPolicy(first=2, longest=5, within=600)
# time synchronisation usually comes within the first minute after boot
_UNTIL_SYNCHRONISED: Final = RetryPolicy(first=5, longest=15, within=120)


class AptFailedError(ClawbotError):
    """apt-get or dpkg failed in a way that this agent does not know."""

    code = "APT_FAILED"
    cause = FailureCause.UNCERTAIN
    hint = "the message is apt's own; /var/log/apt/term.log has the whole output"


class AptLockHeldError(ClawbotError):
    """Another process uses apt or dpkg."""

    code = "APT_LOCK_HELD"
    cause = FailureCause.INSTANCE
    retry = _WHILE_HELD
    hint = "the message names the holder; wait for it, or find out why it does not end"


class AptMirrorUnreachableError(ClawbotError):
    """A package mirror does not answer, or not with what was asked for."""

    code = "APT_MIRROR_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check DNS, the outbound network and the addresses in /etc/apt/sources.list*"


class AptHashMismatchError(ClawbotError):
    """A mirror sent something else than its signed index promises."""

    code = "APT_HASH_MISMATCH"
    cause = FailureCause.EXTERNAL
    retry = BRIEF
    hint = "the mirror is being updated, or a proxy in between changes files; use another mirror"


class AptPackageNotFoundError(ClawbotError):
    """No configured repository has the package, or not with all it depends on."""

    code = "APT_PACKAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "check that the distribution's main (Ubuntu: also universe) repository is enabled"


class AptNoSignatureError(ClawbotError):
    """A repository is not signed with a key that this machine trusts."""

    code = "APT_NO_SIGNATURE"
    cause = FailureCause.OPERATOR
    hint = "install the repository's key, or remove the repository from /etc/apt/sources.list*"


class AptClockError(ClawbotError):
    """By this machine's clock, a repository's index is from the future or out of date."""

    code = "APT_NOT_VALID_YET"
    cause = FailureCause.UNCERTAIN
    retry = _UNTIL_SYNCHRONISED
    hint = "check the clock with 'timedatectl'; if it is right, the mirror is out of date"


class AptDiskFullError(ClawbotError):
    """No room for package lists or packages."""

    code = "APT_DISK_FULL"
    cause = FailureCause.INSTANCE
    hint = "see 'df -h' and 'df -i'; 'apt-get clean' frees the package cache"


class DpkgInterruptedError(ClawbotError):
    """An earlier dpkg was cut off while apt was at work; the next attempt repairs it."""

    code = "DPKG_INTERRUPTED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "run 'dpkg --configure -a' and look at what it says"


class DpkgFailedError(ClawbotError):
    """A package could not be unpacked or set up; the message names it."""

    code = "DPKG_FAILED"
    cause = FailureCause.INSTANCE
    hint = "/var/log/apt/term.log has the package's own output; 'dpkg --audit' its state"
