"""The bundle: every piece is read within its time limit, redacted, and packed as one tar.zst."""

import io
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawbot_agent import __version__
from clawbot_agent.bundle.known import known_secrets
from clawbot_agent.bundle.pieces import PIECES, Piece, tail
from clawbot_agent.bundle.redaction import Redaction
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import BUNDLES_DIR
from clawbot_agent.host import Host
from clawbot_agent.host.identity import identity
from clawbot_agent.records.output import BundledFile, Manifest
from clawbot_agent.records.record import text_of

_MANIFEST: Final = "MANIFEST.json"
# pieces read in parallel; more would only wait for the same disk
_AT_ONCE: Final = 4
_MOST_BYTES: Final = 8 * 1024 * 1024
_KEPT: Final = 3
_LEVEL: Final = 9
_PACKING_SECONDS: Final = 10.0
_PATTERN: Final = "clawbot-"
_SUFFIX: Final = ".tar.zst"


@dataclass(frozen=True, slots=True)
class _Brought:
    """The redacted text of a piece; None when there is nothing."""

    name: str
    text: str | None
    problem: str | None = None

    @property
    def entry(self) -> BundledFile:
        size = None if self.text is None else len(self.text.encode(errors="replace"))
        return BundledFile(self.name, size, self.problem)


def collect(
    host: Host,
    config: BotConfig | None,
    output: Path | None = None,
    *,
    pieces: Sequence[Piece] = PIECES,
) -> Path:
    """Make a bundle of at most 8 MB that only root can read, and return its path.

    Pieces that hang or fail do not prevent it: MANIFEST.json names them.

    Args:
        host: the machine; its limit bounds the whole.
        config: of the bot; None when it is invalid, which leaves out the pieces that need it.
        output: path; by default a new file in /var/lib/clawbot/bundles, which keeps three.
        pieces: what to collect.

    Raises:
        FileWriteError: the disk is full, or the directory does not exist.
    """
    redaction = Redaction(known_secrets(host, config), expired=lambda: _hurries(host))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        brought = list(pool.map(lambda piece: _bring(piece, host, config, redaction), pieces))
    data = _packed(host, brought, redaction)
    path = output or BUNDLES_DIR / _name(host)
    if output is None:
        host.files.mkdir(BUNDLES_DIR, mode=0o700)
    host.files.write_bytes(path, data, mode=0o600)
    if output is None:
        _forget_old(host)
    return path


def _hurries(host: Host) -> bool:
    """Whether the remaining time is needed for packing, or the command was canceled."""
    return host.limit.canceled.is_set() or host.limit.remaining() < _PACKING_SECONDS


def _bring(piece: Piece, host: Host, config: BotConfig | None, redaction: Redaction) -> _Brought:
    try:
        text = piece.read(host.within(piece.seconds, label=piece.name), config)
    except ClawbotError as error:
        problem = redaction(host.redactor.scrub(f"{error.code}: {error.message}"))
        return _Brought(piece.name, None, problem)
    except Exception as error:  # noqa: BLE001 - one defect must not cost all the evidence
        return _Brought(piece.name, None, redaction(f"{type(error).__name__}: {error}"))
    if text is None:
        return _Brought(piece.name, None)
    return _Brought(piece.name, redaction(tail(text, piece.largest)))


def _packed(host: Host, brought: list[_Brought], redaction: Redaction) -> bytes:
    """Return the archive; the largest pieces are left out when it would be too large."""
    while len(data := _archive(host, brought, redaction)) > _MOST_BYTES:
        largest = max(brought, key=lambda one: len(one.text or ""))
        place = brought.index(largest)
        brought[place] = _Brought(largest.name, None, "left out: the bundle would be too large")
    return data


def _archive(host: Host, brought: list[_Brought], redaction: Redaction) -> bytes:
    from zstandard import ZstdCompressor  # noqa: PLC0415 - only packing needs it

    texts = {_MANIFEST: _manifest(host, brought, redaction)}
    texts |= {one.name: one.text for one in brought if one.text is not None}
    now = int(host.clock.now().timestamp())
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in texts.items():
            data = text.encode(errors="replace")
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), now, 0o600
            archive.addfile(member, io.BytesIO(data))
    return ZstdCompressor(level=_LEVEL).compress(raw.getvalue())


def _manifest(host: Host, brought: list[_Brought], redaction: Redaction) -> str:
    me = identity(host.files)
    manifest = Manifest(
        made=host.clock.now(),
        agent_version=__version__,
        instance_id=me.instance_id,
        boot_id=me.boot_id,
        known_secrets=redaction.count,
        files=tuple(one.entry for one in brought),
    )
    return text_of(manifest) + "\n"


def _name(host: Host) -> str:
    return f"{_PATTERN}{host.clock.now():%Y%m%dT%H%M%SZ}{_SUFFIX}"


def _forget_old(host: Host) -> None:
    ours = [
        name
        for name in host.files.list(BUNDLES_DIR)
        if name.startswith(_PATTERN) and name.endswith(_SUFFIX)
    ]
    for name in sorted(ours)[:-_KEPT]:
        host.files.remove(BUNDLES_DIR / name)
