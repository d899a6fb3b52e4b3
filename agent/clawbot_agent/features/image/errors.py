"""Why an image could not be had; read from what docker, apt and npm say."""

import re
from collections.abc import Sequence
from typing import Final

from clawbot_agent.core.errors import PATIENT, ClawbotError, FailureCause

__all__ = [
    "DebianUnavailableError",
    "ImageBaseNotFoundError",
    "ImageBuildFailedError",
    "ImageDigestMismatchError",
    "ImageDiskFullError",
    "ImageNotFoundError",
    "ImageOomError",
    "ImagePackageNotFoundError",
    "ImageStartFailedError",
    "NpmUnavailableError",
    "NpmVersionNotFoundError",
    "RegistryThrottledError",
    "RegistryUnavailableError",
    "build_error",
    "pull_error",
]

_SHOWN_LINES: Final = 6
_LONGEST_LINE: Final = 300


class ImageBuildFailedError(ClawbotError):
    """A step of the build failed for a reason of its own."""

    code = "IMAGE_BUILD_FAILED"
    cause = FailureCause.UNCERTAIN
    hint = "the message ends with what the failed step wrote last"


class ImageOomError(ClawbotError):
    """The kernel or Node.js itself ended a step that needed more memory than there is."""

    code = "IMAGE_OOM"
    cause = FailureCause.OPERATOR
    hint = "the build needs 4 GB of memory: take a larger size, add swap, or set image source: pull"


class ImageDiskFullError(ClawbotError):
    """No room for the image."""

    code = "IMAGE_DISK_FULL"
    cause = FailureCause.INSTANCE
    hint = "see 'docker system df' and 'df -h'; build and image need 6 GB: enlarge the OS disk"


class ImageBaseNotFoundError(ClawbotError):
    """The base image does not exist, or not for us."""

    code = "IMAGE_BASE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.base"


class ImageNotFoundError(ClawbotError):
    """The image to pull does not exist, or not for us."""

    code = "IMAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.reference or openclaw.version; the image must be public"


class ImageDigestMismatchError(ClawbotError):
    """The engine has another image under the name than the digest in it says."""

    code = "IMAGE_DIGEST_MISMATCH"
    cause = FailureCause.OPERATOR
    hint = "the registry served something else; compare the digest with the publisher's"


class RegistryUnavailableError(ClawbotError):
    """The image registry cannot be reached."""

    code = "REGISTRY_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTPS (network security group, proxy) and the registry's status page"


class RegistryThrottledError(ClawbotError):
    """The registry has had enough pulls from this address."""

    code = "REGISTRY_THROTTLED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "wait an hour, or set openclaw.image.base to the image in a registry of your own"


class NpmVersionNotFoundError(ClawbotError):
    """npm has no such release of OpenClaw."""

    code = "NPM_VERSION_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.version; 'npm view openclaw versions' lists them"


class NpmUnavailableError(ClawbotError):
    """The npm registry cannot be reached from the build."""

    code = "NPM_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTPS and DNS to the npm registry, and that registry's status page"


class DebianUnavailableError(ClawbotError):
    """Debian's mirror cannot be reached from the build."""

    code = "IMAGE_APT_UNAVAILABLE"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check outbound HTTP and DNS to the mirror in the image's apt sources"


class ImagePackageNotFoundError(ClawbotError):
    """The base image's Debian has no such package."""

    code = "IMAGE_PACKAGE_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "correct openclaw.image.packages"


class ImageStartFailedError(ClawbotError):
    """OpenClaw was installed, but its gateway does not start in the image."""

    code = "IMAGE_START_FAILED"
    cause = FailureCause.OPERATOR
    hint = "this release does not run on this base image; the message has the gateway's own words"


_COMMAND: Final = re.compile(r"^The command '.*' returned a non-zero code: (\d+)$", re.DOTALL)
_Causes = tuple[tuple[re.Pattern[str], type[ClawbotError]], ...]


def _causes(*pairs: tuple[str, type[ClawbotError]]) -> _Causes:
    return tuple((re.compile(pattern, re.IGNORECASE), error) for pattern, error in pairs)


_NETWORK: Final = (
    r"dial tcp|no such host|connection re(fused|set)|i/o timeout|TLS handshake|Client\.Timeout"
    r"|unexpected EOF|network is unreachable|50[0234] |server misbehaving|context deadline exceeded"
)
_MISSING: Final = (
    r"manifest unknown|manifest for .* not found|pull access denied|repository does not exist"
    r"|not found: |name unknown|no matching manifest|invalid reference format|unauthorized|denied"
)
# what is looked for first is what explains the others
_REGISTRY: Final = (
    (r"no space left on device", ImageDiskFullError),
    (r"toomanyrequests|429 Too Many|rate limit", RegistryThrottledError),
)
_BUILD: Final = _causes(
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
_PULL: Final = (*_causes(*_REGISTRY, (_NETWORK, RegistryUnavailableError)),)


def build_error(tag: str, said: str, lines: Sequence[str]) -> ClawbotError:
    """The error of a build of `tag` that ended with `said`, after the last `lines`."""
    # the engine repeats the whole command, which explains nothing
    said = _COMMAND.sub(r"a step ended with \1", said.strip())
    text = "\n".join((*lines, said))
    error = next((kind for cause, kind in _BUILD if cause.search(text)), ImageBuildFailedError)
    shown = (line.strip()[:_LONGEST_LINE] for line in lines[-_SHOWN_LINES:])
    tail = " | ".join(line for line in shown if line)
    return error(f"building {tag}: {said[:_LONGEST_LINE]}" + (f": {tail}" if tail else ""))


def pull_error(
    reference: str, said: str, *, missing: type[ClawbotError] = ImageNotFoundError
) -> ClawbotError:
    """The error of a pull that ended with `said`; `missing` when there is no such image."""
    message = f"pulling {reference}: {said.strip()[:_LONGEST_LINE]}"
    for cause, kind in _PULL:
        if cause.search(said):
            return kind(message)
    if re.search(_MISSING, said, re.IGNORECASE):
        return missing(message)
    return RegistryUnavailableError(message)
