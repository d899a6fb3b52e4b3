"""Possible decodings of bytes: escapes undone, and runs of letters decoded.

The start of an encoded text is unknown, so a run is decoded from each possible position.
"""

import base64
import binascii
import html
import quopri
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import unquote_to_bytes

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-](?:[A-Za-z0-9+/_-]|\r?\n){9,}")
_BASE32: Final = re.compile(rb"(?:[A-Z2-7]|\r?\n){13,}|(?:[a-z2-7]|\r?\n){13,}")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}[\s:,-]?){8,}")
_NO_HEX: Final = re.compile(rb"[^0-9a-fA-F]")
_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.DOTALL
)
_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
# a soft line break alone counts too
_QUOTED: Final = re.compile(rb"=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n)")
_SIMPLE: Final = {"\n": "", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_LARGEST_CODE: Final = 0x10FFFF
# gzip, and zlib at its usual levels
_COMPRESSED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_MOST_UNPACKED: Final = 1024 * 1024


class UnpackedSizeError(Exception):
    """Compressed data unpacks to more than can be searched."""


def decodings(data: bytes) -> Iterator[bytes]:
    """Yield all decodings, one step deep; what is no encoding gives harmless noise.

    Raises:
        UnpackedSizeError: compressed data unpacks to more than 1 MiB.
    """
    yield from _unescaped(data)
    for run in _BASE64.findall(data):
        yield from _from_base64(run)
    for run in _HEX.findall(data):
        digits = _NO_HEX.sub(b"", run)
        for part in (digits, digits[1:]):
            yield from _opened(binascii.unhexlify(part[: len(part) - len(part) % 2]))
    for run in _BASE32.findall(data):
        yield from _from_base32(run)


def _unescaped(data: bytes) -> Iterator[bytes]:
    """Yield `data` with URL, JSON, C, HTML and mail escapes undone, one kind each."""
    if _PERCENT.search(data):
        plain = unquote_to_bytes(data)
        yield plain
        if b"+" in data:
            yield unquote_to_bytes(data.replace(b"+", b" "))
    elif b"+" in data:
        yield data.replace(b"+", b" ")
    if b"\\" in data:
        text = _ESCAPE.sub(_character, data.decode(errors="replace"))
        # a character beyond the first 65,536 is two escapes in JSON
        yield text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    if b"&" in data and b";" in data:
        yield html.unescape(data.decode(errors="replace")).encode()
    if _QUOTED.search(data):
        yield quopri.decodestring(data)
    if b"\n" in data:
        yield b"".join(data.splitlines())
    # soft line breaks of mail that lost their line breaks
    if b"=" in data:
        yield data.replace(b"=", b"")


def _character(escape: re.Match[str]) -> str:
    four, eight, two, octal, other = escape.groups()
    if other is not None:
        return _SIMPLE.get(other, other)
    code = int(octal, 8) if octal else int(four or eight or two, 16)
    return chr(code) if code <= _LARGEST_CODE else ""


def _from_base64(run: bytes) -> Iterator[bytes]:
    letters = b"".join(run.split()).translate(_URL_SAFE)
    for start in range(4):
        part = letters[start:]
        # a single letter is less than a byte
        part = part[: len(part) - (len(part) % 4 == 1)]
        yield from _opened(binascii.a2b_base64(part + b"=" * (-len(part) % 4)))


def _from_base32(run: bytes) -> Iterator[bytes]:
    letters = b"".join(run.split()).upper()
    for start in range(8):
        part = letters[start:]
        # lengths that do not encode whole bytes
        part = part[: len(part) - {1: 1, 3: 1, 6: 1}.get(len(part) % 8, 0)]
        if part:
            yield from _opened(base64.b32decode(part + b"=" * (-len(part) % 8)))


def _opened(data: bytes) -> Iterator[bytes]:
    """Yield `data`, and its content if it is UTF-16 (of ASCII) or compressed."""
    yield data
    if b"\0" in data:
        yield data.replace(b"\0", b"")
    # text before it may have been decoded with it
    for begin in _COMPRESSED.finditer(data):
        with suppress(zlib.error):
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield unpacking.decompress(data[begin.start() :], _MOST_UNPACKED)
            if unpacking.unconsumed_tail:
                raise UnpackedSizeError
