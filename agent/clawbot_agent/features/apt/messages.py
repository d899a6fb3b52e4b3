"""What apt-get and dpkg mean by what they print.

Both end with 100 or 2 for nearly everything, so the cause is in the text alone. The texts
are those of apt 2.6 and 2.7 and dpkg 1.21 and 1.22 under LC_ALL=C.UTF-8; each pattern has
a captured output in the unit tests.
"""

import re
from typing import Final

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.apt.errors import (
    AptClockError,
    AptDiskFullError,
    AptFailedError,
    AptHashMismatchError,
    AptLockHeldError,
    AptMirrorUnreachableError,
    AptNoSignatureError,
    AptPackageNotFoundError,
    DpkgFailedError,
    DpkgInterruptedError,
)

__all__ = ["classify", "holder_pid", "last_lines"]

_SHOWN_LINES: Final = 6
_SHOWN_CHARACTERS: Final = 700
_HOLDER: Final = re.compile(r"held by process (\d+)|by another process with pid (\d+)")
# dpkg draws its progress into one line with carriage returns
_NOISE: Final = re.compile(
    r"\(Reading database \.\.\.[^\n]*\r|^debconf: delaying package configuration.*$", re.MULTILINE
)
_DPKG_FAILED: Final = re.compile(r"dpkg: error processing (?:package|archive) (\S+) \(--\w+\):")

# the first that matches wins: a full disk and a cut connection also print general fetch errors
_CAUSES: Final[tuple[tuple[re.Pattern[str], type[ClawbotError]], ...]] = (
    (
        re.compile(
            r"Could not get lock|Unable to acquire the dpkg frontend lock"
            r"|Unable to lock (?:the administration )?directory"
            r"|(?:frontend|database) lock was locked by another process"
        ),
        AptLockHeldError,
    ),
    (re.compile(r"dpkg was interrupted, you must manually run"), DpkgInterruptedError),
    (
        re.compile(r"No space left on device|have enough free space in|Disk quota exceeded"),
        AptDiskFullError,
    ),
    (re.compile(r"is not valid yet \(invalid for|is expired \(invalid since"), AptClockError),
    (
        re.compile(r"Hash Sum mismatch|File has unexpected size|Mirror sync in progress"),
        AptHashMismatchError,
    ),
    (_DPKG_FAILED, DpkgFailedError),
    (
        re.compile(r"NO_PUBKEY|GPG error|signatures? (?:were|was|couldn't be) |EXPKEYSIG|BADSIG"),
        AptNoSignatureError,
    ),
    (
        re.compile(
            r"Failed to fetch|Could not resolve|Could not connect|Unable to connect"
            r"|Temporary failure resolving|does not have a Release file|Connection timed out"
        ),
        AptMirrorUnreachableError,
    ),
    (re.compile(r"The repository '.+' is not signed"), AptNoSignatureError),
    (
        re.compile(
            r"Unable to locate package|has no installation candidate|is not installable"
            r"|Couldn't find any package|Version '.+' for '.+' was not found"
        ),
        AptPackageNotFoundError,
    ),
)


def classify(output: str, *, doing: str, holder: str | None = None) -> ClawbotError:
    """The error for what a failed apt-get or dpkg printed.

    Args:
        output: all of its stdout and stderr.
        doing: what was tried, for the message: "apt-get update".
        holder: command line of the process that holds a lock, if known.
    """
    cause = next((kind for pattern, kind in _CAUSES if pattern.search(output)), AptFailedError)
    if cause is AptLockHeldError:
        return cause(f"{doing}: {_lock(output)} is held by {_holder(output, holder)}")
    if cause is DpkgFailedError:
        names = ", ".join(dict.fromkeys(_DPKG_FAILED.findall(output)))
        return cause(f"{doing}: {names} failed: {last_lines(_before_summary(output))}")
    return cause(f"{doing}: {_said(output)}")


def holder_pid(output: str) -> int | None:
    """Number of the process that holds the lock, as told by apt or dpkg."""
    found = _HOLDER.search(output)
    return int(found[1] or found[2]) if found else None


def last_lines(output: str) -> str:
    """The end of an output in one line."""
    lines = [line.strip() for line in _NOISE.sub("", output).splitlines() if line.strip()]
    return "; ".join(lines[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:]


def _said(output: str) -> str:
    """What apt calls an error (without those that only repeat others), else the end of it all."""
    told = (line for line in output.splitlines() if line.startswith(("E: ", "W: GPG error")))
    lines = [line[3:].strip() for line in told]
    lines = [line for line in lines if not line.startswith("Some index files failed")]
    return "; ".join(dict.fromkeys(lines))[:_SHOWN_CHARACTERS] or last_lines(output)


def _before_summary(output: str) -> str:
    return output.partition("Errors were encountered while processing")[0]


def _lock(output: str) -> str:
    found = re.search(r"(/var/\S+/lock(?:-frontend)?)", output)
    return found[1] if found else "the dpkg lock"


def _holder(output: str, command: str | None) -> str:
    pid = holder_pid(output)
    if pid is None:
        return "another process"
    told = re.search(r"held by process \d+ \((.+?)\)", output)
    name = command or (told[1] if told else None)
    return f"pid {pid} ({name})" if name else f"pid {pid}"
