"""A file system in memory."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from clawbot_agent.host.files import FileStat, FileWriteError
from tests.fakes.clock import FakeClock

__all__ = ["FakeFiles"]

Kind = Literal["file", "directory", "link", "socket", "other"]


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    text: str = ""
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    modified: float = 0


@dataclass(slots=True)
class FakeFiles:
    """`Files` in memory.

    Attributes:
        clock: gives modification times.
        writes: paths written, made, moved to or removed, in order.
        refused: paths (and what is below them) that refuse every change.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    writes: list[Path] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)
    _entries: dict[Path, _Entry] = field(default_factory=dict)

    def put(  # noqa: PLR0913 - one argument for each fact about a file
        self,
        path: Path | str,
        text: str = "",
        *,
        kind: Kind = "file",
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
    ) -> None:
        """Have something there from the start; not counted as a write."""
        path = Path(path)
        self._parents(path)
        modified = self.clock.now().timestamp()
        self._entries[path] = _Entry(kind, text, mode, uid, gid, modified)

    def change(self, path: Path, *, mode: int, uid: int) -> None:
        """Change mode and owner as another process would; the group has the owner's number."""
        self._entries[path] = replace(self._entries[path], mode=mode, uid=uid, gid=uid)

    def stat(self, path: Path) -> FileStat | None:
        """See `Files`."""
        found = self._entries.get(path)
        if found is None:
            return None
        size = len(found.text.encode())
        return FileStat(found.kind, found.mode, found.uid, found.gid, size, found.modified)

    def read_text(self, path: Path) -> str | None:
        """See `Files`."""
        found = self._entries.get(path)
        return None if found is None or found.kind == "directory" else found.text

    def list(self, path: Path) -> tuple[str, ...]:
        """See `Files`."""
        return tuple(sorted(entry.name for entry in self._entries if entry.parent == path))

    def write(self, path: Path, text: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        self._change(path)
        self.put(path, text, mode=mode, uid=uid, gid=gid)

    def write_bytes(self, path: Path, data: bytes, *, mode: int) -> None:
        """See `Files`; kept as text of the same bytes, see `data_of`."""
        self._change(path)
        self.put(path, data.decode("latin-1"), mode=mode)

    def data_of(self, path: Path) -> bytes:
        """What `write_bytes` wrote."""
        return self._entries[path].text.encode("latin-1")

    def mkdir(self, path: Path, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """See `Files`."""
        self._change(path)
        self.put(path, kind="directory", mode=mode, uid=uid, gid=gid)

    def rename(self, source: Path, target: Path) -> None:
        """See `Files`."""
        self._change(source)
        self._change(target)
        if source not in self._entries:
            msg = f"{source} to {target}: No such file or directory"
            raise FileWriteError(msg)
        self._parents(target)
        for path in [p for p in self._entries if p.is_relative_to(source)]:
            self._entries[target / path.relative_to(source)] = self._entries.pop(path)

    def remove(self, path: Path) -> None:
        """See `Files`."""
        self._change(path)
        for below in [p for p in self._entries if p.is_relative_to(path)]:
            del self._entries[below]

    def _parents(self, path: Path) -> None:
        for parent in path.parents:
            self._entries.setdefault(parent, _Entry("directory"))

    def _change(self, path: Path) -> None:
        if any(path.is_relative_to(refused) for refused in self.refused):
            msg = f"{path}: No space left on device"
            raise FileWriteError(msg)
        self.writes.append(path)
