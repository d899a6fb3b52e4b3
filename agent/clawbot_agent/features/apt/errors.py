"""Errors of apt and dpkg, and how the output of a failed command maps to them.

apt-get exits with 100 and dpkg with 2 for nearly every failure, so only the text tells causes
apart. The patterns match apt 2.6 and 2.7 and dpkg 1.21 and 1.22 under LC_ALL=C.UTF-8; the unit
tests hold a captured output for each.
"""

import re
from typing import Final

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause, RetryPolicy

# unattended-upgrades holds the locks for minutes on a first boot; another attempt is cheap
_WHILE_LOCKED: Final = RetryPolicy(first=2, longest=5, within=600)
# time synchronization usually completes within the first minute after boot
_UNTIL_SYNCHRONIZED: Final = RetryPolicy(first=5, longest=15, within=120)
_SHOWN_LINES: Final = 6
_SHOWN_CHARACTERS: Final = 700


class AptFailedError(ClawbotError):
    """apt-get or dpkg fails with an error that the agent does not recognize."""

    code = "APT_FAILED"
    cause = FailureCause.UNCERTAIN
    hint = "see /var/log/apt/term.log for the full output, then run 'clawbot-agent run'"


class AptLockHeldError(ClawbotError):
    """Another process holds a lock of apt or dpkg."""

    code = "APT_LOCK_HELD"
    cause = FailureCause.INSTANCE
    retry = _WHILE_LOCKED
    hint = (
        "wait for the process named in the message to exit; if it hangs, stop it, then run "
        "'clawbot-agent run'"
    )


class AptMirrorUnreachableError(ClawbotError):
    """A package mirror does not answer, or answers with something else."""

    code = "APT_MIRROR_UNREACHABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check DNS, outbound network access and the addresses in /etc/apt/sources.list*"


class AptHashMismatchError(ClawbotError):
    """A file from a mirror does not match the hash in the mirror's signed index."""

    code = "APT_HASH_MISMATCH"
    cause = FailureCause.EXTERNAL
    retry = BRIEF
    hint = (
        "run 'clawbot-agent run' again later, the mirror may be syncing; if it persists, check for "
        "a proxy that changes files, or use another mirror"
    )


class AptPackageNotFoundError(ClawbotError):
    """No configured repository has the package and all its dependencies."""

    code = "APT_PACKAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "enable the distribution's main repository (on Ubuntu also universe)"


class AptNoSignatureError(ClawbotError):
    """A repository is not signed with a key that this machine trusts."""

    code = "APT_NO_SIGNATURE"
    cause = FailureCause.OPERATOR
    hint = "install the repository's key, or remove the repository from /etc/apt/sources.list*"


class AptClockError(ClawbotError):
    """By this machine's clock, a repository's index is not valid yet or has expired."""

    code = "APT_NOT_VALID_YET"
    cause = FailureCause.UNCERTAIN
    retry = _UNTIL_SYNCHRONIZED
    hint = "check the clock with 'timedatectl'; if it is correct, use another mirror"


class AptDiskFullError(ClawbotError):
    """The disk has no space for package lists or packages."""

    code = "APT_DISK_FULL"
    cause = FailureCause.INSTANCE
    hint = "free disk space ('df -h', 'df -i', 'apt-get clean'), then run 'clawbot-agent run'"


class DpkgInterruptedError(ClawbotError):
    """An earlier dpkg run was interrupted; the next attempt repairs its database."""

    code = "DPKG_INTERRUPTED"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "run 'dpkg --configure -a' and correct what it reports"


class DpkgFailedError(ClawbotError):
    """dpkg cannot unpack or configure the package named in the message."""

    code = "DPKG_FAILED"
    cause = FailureCause.INSTANCE
    hint = "see /var/log/apt/term.log for the package's output and 'dpkg --audit' for its state"


_HOLDER: Final = re.compile(r"held by process (\d+)|by another process with pid (\d+)")
# dpkg redraws its progress in one line with carriage returns
_NOISE: Final = re.compile(
    r"\(Reading database \.\.\.[^\n]*\r|^debconf: delaying package configuration.*$", re.MULTILINE
)
_DPKG_FAILED: Final = re.compile(r"dpkg: error processing (?:package|archive) (\S+) \(--\w+\):")

# the first match wins: a full disk and a broken connection also print general fetch errors
_CAUSES: Final[tuple[tuple[str, type[ClawbotError]], ...]] = (
    (
        (
            r"Could not get lock|Unable to acquire the dpkg frontend lock"
            r"|Unable to lock (?:the administration )?directory"
            r"|(?:frontend|database) lock was locked by another process"
        ),
        AptLockHeldError,
    ),
    (r"dpkg was interrupted, you must manually run", DpkgInterruptedError),
    (r"No space left on device|have enough free space in|Disk quota exceeded", AptDiskFullError),
    (r"is not valid yet \(invalid for|is expired \(invalid since", AptClockError),
    (r"Hash Sum mismatch|File has unexpected size|Mirror sync in progress", AptHashMismatchError),
    (_DPKG_FAILED.pattern, DpkgFailedError),
    (
        r"NO_PUBKEY|GPG error|signatures? (?:were|was|couldn't be) |EXPKEYSIG|BADSIG",
        AptNoSignatureError,
    ),
    (
        (
            r"Failed to fetch|Could not resolve|Could not connect|Unable to connect"
            r"|Temporary failure resolving|does not have a Release file|Connection timed out"
        ),
        AptMirrorUnreachableError,
    ),
    (r"The repository '.+' is not signed", AptNoSignatureError),
    (
        (
            r"Unable to locate package|has no installation candidate|is not installable"
            r"|Couldn't find any package|Version '.+' for '.+' was not found"
        ),
        AptPackageNotFoundError,
    ),
)


def classify(output: str, *, command: str, holder: str | None = None) -> ClawbotError:
    """Return the error that the `output` (stdout and stderr) of a failed command stands for.

    Args:
        output: complete, unfiltered.
        command: its name for the message, such as "apt-get update".
        holder: command line of the process that holds a lock, if known.
    """
    cause = next((kind for pattern, kind in _CAUSES if re.search(pattern, output)), AptFailedError)
    if cause is AptLockHeldError:
        lock = re.search(r"(/var/\S+/lock(?:-frontend)?)", output)
        name = lock[1] if lock else "the dpkg lock"
        return cause(f"{command}: {name} is held by {_holder(output, holder)}")
    if cause is DpkgFailedError:
        names = ", ".join(dict.fromkeys(_DPKG_FAILED.findall(output)))
        details = output.partition("Errors were encountered while processing")[0]
        return cause(f"{command}: {names} failed: {_last_lines(details)}")
    return cause(f"{command}: {_error_lines(output)}")


def holder_pid(output: str) -> int | None:
    """Return the pid of the lock's holder, if apt or dpkg printed it."""
    found = _HOLDER.search(output)
    return int(found[1] or found[2]) if found else None


def _last_lines(output: str) -> str:
    """Return the end of an output in one line."""
    lines = [line.strip() for line in _NOISE.sub("", output).splitlines() if line.strip()]
    return "; ".join(lines[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:]


def _error_lines(output: str) -> str:
    """Return apt's error lines without mere consequences; without any, the end of the output."""
    marked = (line[3:] for line in output.splitlines() if line.startswith(("E: ", "W: GPG error")))
    lines = (line.strip() for line in marked if not line.startswith("Some index files failed"))
    return "; ".join(dict.fromkeys(lines))[:_SHOWN_CHARACTERS] or _last_lines(output)


def _holder(output: str, command_line: str | None) -> str:
    pid = holder_pid(output)
    if pid is None:
        return "another process"
    named = re.search(r"held by process \d+ \((.+?)\)", output)
    name = command_line or (named[1] if named else None)
    return f"pid {pid} ({name})" if name else f"pid {pid}"
