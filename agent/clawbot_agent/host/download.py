"""Fetching one file over HTTPS: hash checked while it streams, visible only when right."""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause
from clawbot_agent.core.paths import SYSTEM_CA_BUNDLE
from clawbot_agent.host.files import FileWriteError, sync_directory
from clawbot_agent.host.limit import Limit

if TYPE_CHECKING:
    import requests

__all__ = [
    "Download",
    "DownloadFailedError",
    "DownloadIncompleteError",
    "DownloadNotFoundError",
    "Sha256MismatchError",
    "SystemDownload",
]

# small, because limit and interrupt are looked at once a chunk, also on a slow line
_CHUNK: Final = 16 * 1024
_CONNECT_SECONDS: Final = 15
_READ_SECONDS: Final = 30
_OK: Final = 200
_SERVER_ERROR: Final = 500
_WORTH_RETRYING: Final = frozenset({408, 425, 429})


class DownloadFailedError(ClawbotError):
    """The server could not be reached or answered with an error that may pass."""

    code = "DOWNLOAD_FAILED"
    cause = FailureCause.EXTERNAL
    retry = PATIENT
    hint = "check the instance's outbound network and DNS, and that the URL's host is up"


class DownloadIncompleteError(ClawbotError):
    """The connection ended before all bytes were there."""

    code = "DOWNLOAD_INCOMPLETE"
    cause = FailureCause.EXTERNAL
    retry = BRIEF
    hint = "the connection was cut; it is tried again"


class DownloadNotFoundError(ClawbotError):
    """The server says that there is no such file, or that we may not have it."""

    code = "DOWNLOAD_NOT_FOUND"
    cause = FailureCause.OPERATOR
    hint = "check the URL in the configuration"


class Sha256MismatchError(ClawbotError):
    """What came is not what was promised; it was thrown away."""

    code = "SHA256_MISMATCH"
    cause = FailureCause.OPERATOR
    hint = (
        "nothing was installed: check the sha256 in the configuration against the publisher's; "
        "if that is right, the server or something in between changed the file"
    )


class Download(Protocol):
    """Fetches a file."""

    def __call__(self, url: str, *, target: Path, sha256: str) -> None:
        """Put the file at `url` at `target`, mode 0644, once its SHA-256 is right.

        Raises:
            DownloadFailedError: unreachable, or 408, 425, 429, 5xx.
            DownloadIncompleteError: cut off.
            DownloadNotFoundError: any other status than 200.
            Sha256MismatchError: wrong content.
            FileWriteError: no room.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemDownload:
    """`Download` on this machine."""

    limit: Limit

    def __call__(self, url: str, *, target: Path, sha256: str) -> None:
        """See `Download`."""
        import requests  # noqa: PLC0415 - 60 ms that 'status' must not pay

        self.limit.check()
        left = self.limit.remaining()
        try:
            with requests.get(
                url,
                stream=True,
                # the hash is that of the file, not of a packed form of it
                headers={"Accept-Encoding": "identity"},
                timeout=(min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)),
                verify=str(SYSTEM_CA_BUNDLE),
            ) as response:
                _judge(response, url=url)
                self._store(response, url=url, target=target, sha256=sha256)
        except requests.exceptions.ChunkedEncodingError as error:
            msg = f"{url}: the connection ended early"
            raise DownloadIncompleteError(msg) from error
        except requests.exceptions.RequestException as error:
            msg = f"{url}: {type(error).__name__}: {error}"
            raise DownloadFailedError(msg) from error

    def _store(self, response: "requests.Response", *, url: str, target: Path, sha256: str) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            temporary = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                digest, size = self._stream(response, file)
            _verify(response, url=url, size=size, digest=digest, sha256=sha256)
            temporary.chmod(0o644)
            temporary.rename(target)
            sync_directory(target.parent)
        except OSError as error:
            # requests' own errors are OSErrors too; only those of the disk are ours
            if error.filename is None and error.errno is None:
                raise
            msg = f"{target}: {error.strerror}"
            raise FileWriteError(msg) from error
        finally:
            with contextlib.suppress(OSError, UnboundLocalError):
                temporary.unlink()

    def _stream(self, response: "requests.Response", file: IO[bytes]) -> tuple[str, int]:
        digest = hashlib.sha256()
        size = 0
        for chunk in response.iter_content(_CHUNK):
            self.limit.check()
            digest.update(chunk)
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return digest.hexdigest(), size


def _judge(response: "requests.Response", *, url: str) -> None:
    status = response.status_code
    if status == _OK:
        return
    msg = f"{url}: the server answered {status}"
    if status >= _SERVER_ERROR or status in _WORTH_RETRYING:
        raise DownloadFailedError(msg)
    raise DownloadNotFoundError(msg)


def _verify(
    response: "requests.Response", *, url: str, size: int, digest: str, sha256: str
) -> None:
    promised = response.headers.get("Content-Length")
    if promised is not None and int(promised) != size:
        msg = f"{url}: {size} of {promised} bytes came"
        raise DownloadIncompleteError(msg)
    if digest != sha256.lower():
        msg = f"{url}: SHA-256 is {digest}, expected {sha256.lower()}"
        raise Sha256MismatchError(msg)
