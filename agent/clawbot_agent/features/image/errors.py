"""Why there is no container image, recognized in the output of Docker, apt and npm."""

import re
from collections.abc import Sequence
from typing import Final

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause

_SHOWN_LINES: Final = 6
_LONGEST_LINE: Final = 300


class ImageBuildFailedError(ClawbotError):
    """A step of the image build failed for an unknown reason."""

    code = "IMAGE_BUILD_FAILED"
    cause = FailureCause.UNCERTAIN
    hint = "see the last lines of the failed step in the message"


class ImageOomError(ClawbotError):
    """A step of the image build ran out of memory."""

    code = "IMAGE_OOM"
    cause = FailureCause.OPERATOR
    hint = (
        "use a VM size with 4 GB of memory or more, add swap, or set openclaw.image.source to pull"
    )


class ImageDiskFullError(ClawbotError):
    """The disk of the instance is too full for the container image."""

    code = "IMAGE_DISK_FULL"
    cause = FailureCause.INSTANCE
    hint = "check 'df -h' and 'docker system df'; enlarge the OS disk if less than 6 GB are free"


class ImageBaseNotFoundError(ClawbotError):
    """The base image does not exist or is not public."""

    code = "IMAGE_BASE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.base"


class ImageNotFoundError(ClawbotError):
    """The container image to pull does not exist or is not public."""

    code = "IMAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.reference or openclaw.version, or make the image public"


class ImageDigestMismatchError(ClawbotError):
    """The pulled container image has another digest than the one in its reference."""

    code = "IMAGE_DIGEST_MISMATCH"
    cause = FailureCause.OPERATOR
    hint = "compare the digest with the publisher's and correct openclaw.image.reference"


class RegistryUnavailableError(ClawbotError):
    """The image registry cannot be reached."""

    code = "REGISTRY_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTPS (network security group, proxy) and the registry's status page"


class RegistryThrottledError(ClawbotError):
    """The registry limits the number of pulls from this address."""

    code = "REGISTRY_THROTTLED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "wait 1 h, or set openclaw.image.base to a copy of the image in your own registry"


class NpmVersionNotFoundError(ClawbotError):
    """npm has no such release of OpenClaw."""

    code = "NPM_VERSION_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.version ('npm view openclaw versions' lists the releases)"


class NpmUnavailableError(ClawbotError):
    """The npm registry cannot be reached from the build."""

    code = "NPM_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTPS and DNS to the npm registry, and that registry's status page"


class DebianUnavailableError(ClawbotError):
    """The Debian mirror cannot be reached from the build."""

    code = "IMAGE_APT_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTP and DNS to the mirror in the apt sources of the base image"


class ImagePackageNotFoundError(ClawbotError):
    """The base image's Debian release has no such package."""

    code = "IMAGE_PACKAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.packages"


class ImageStartFailedError(ClawbotError):
    """OpenClaw is installed in the image, but its gateway does not start there."""

    code = "IMAGE_START_FAILED"
    cause = FailureCause.OPERATOR
    hint = "see the gateway's output in the message; choose another openclaw.version or image.base"


class ImageArchiveUnusableError(ClawbotError):
    """An image archive on the share was damaged or had other content; it was removed."""

    code = "IMAGE_ARCHIVE_UNUSABLE"
    cause = FailureCause.DATA
    retry = BRIEF
    hint = "nothing to do: the agent builds the image instead; if it happens again, check the share"


_COMMAND: Final = re.compile(r"^The command '.*' returned a non-zero code: (\d+)$", re.DOTALL)
_Patterns = tuple[tuple[re.Pattern[str], type[ClawbotError]], ...]


def _patterns(*pairs: tuple[str, type[ClawbotError]]) -> _Patterns:
    return tuple((re.compile(pattern, re.IGNORECASE), error) for pattern, error in pairs)


_NETWORK: Final = (
    r"dial tcp|no such host|connection re(fused|set)|i/o timeout|TLS handshake|Client\.Timeout"
    r"|unexpected EOF|network is unreachable|50[0234] |server misbehaving|context deadline exceeded"
)
_MISSING: Final = re.compile(
    r"manifest unknown|manifest for .* not found|pull access denied|repository does not exist"
    r"|not found: |name unknown|no matching manifest|invalid reference format|unauthorized|denied",
    re.IGNORECASE,
)
# the first match explains the others
_REGISTRY: Final = (
    (r"no space left on device", ImageDiskFullError),
    (r"toomanyrequests|429 Too Many|rate limit", RegistryThrottledError),
)
_BUILD: Final = _patterns(
    (r"no space left on device|ENOSPC", ImageDiskFullError),
    (
        r"step ended with (137|134)$|heap out of memory|ENOMEM|Cannot allocate memory|^Killed",
        ImageOomError,
    ),
    (r"clawbot: gateway was never ready", ImageStartFailedError),
    (r"ETARGET|No matching version|npm error (code )?E404", NpmVersionNotFoundError),
    (
        r"npm error.*(ENOTFOUND|ECONNRE|ETIMEDOUT|EAI_AGAIN|SOCKET|network|E5\d\d|E429|EINTEGRITY)",
        NpmUnavailableError,
    ),
    (r"E: Unable to locate package|has no installation candidate", ImagePackageNotFoundError),
    (
        r"E: Failed to fetch|Temporary failure resolving|Could not (connect|resolve)|Some index f",
        DebianUnavailableError,
    ),
    *_REGISTRY[1:],
)
_PULL: Final = (*_patterns(*_REGISTRY, (_NETWORK, RegistryUnavailableError)),)


def build_error(tag: str, failure: str, lines: Sequence[str]) -> ClawbotError:
    """Return the error of a failed build of `tag` from Docker's message and the last lines."""
    # Docker repeats the whole command, which explains nothing
    failure = _COMMAND.sub(r"a step ended with \1", failure.strip())
    text = "\n".join((*lines, failure))
    kind = next((error for pattern, error in _BUILD if pattern.search(text)), ImageBuildFailedError)
    shown = (line.strip()[:_LONGEST_LINE] for line in lines[-_SHOWN_LINES:])
    tail = " | ".join(line for line in shown if line)
    return kind(f"building {tag}: {failure[:_LONGEST_LINE]}" + (f": {tail}" if tail else ""))


def pull_error(
    reference: str, failure: str, *, missing: type[ClawbotError] = ImageNotFoundError
) -> ClawbotError:
    """Return the error of a failed pull from Docker's message; `missing` if there is no image."""
    kinds = (error for pattern, error in _PULL if pattern.search(failure))
    default = missing if _MISSING.search(failure) else RegistryUnavailableError
    return next(kinds, default)(f"pulling {reference}: {failure.strip()[:_LONGEST_LINE]}")
