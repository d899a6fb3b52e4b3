"""File downloads as web servers offer them: length, validators, byte ranges."""

import re
from pathlib import Path
from typing import Final

from tests.bench.azure.messages import FilePart, Reply, Request

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def file_reply(
    request: Request, path: Path, *headers: tuple[str, str], flip: int | None = None
) -> Reply:
    """Answer a GET or HEAD for a file or for the requested range of it.

    Args:
        request: may have a ``Range`` header with one range.
        path: the file.
        headers: sent with it.
        flip: offset of a byte that is sent inverted.
    """
    size = path.stat().st_size
    common = (*headers, ("Accept-Ranges", "bytes"))
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or not any(asked.groups()):
        return Reply(200, common, FilePart(path, 0, size, flip))
    first, last = _bounds(asked[1], asked[2], size)
    if first >= size or first > last:
        return Reply(416, (*common, ("Content-Range", f"bytes */{size}")))
    part = FilePart(path, first, last - first + 1, flip)
    return Reply(206, (*common, ("Content-Range", f"bytes {first}-{last}/{size}")), part)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:  # a suffix range: the last N bytes
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
