"""No known secret survives, in any encoding."""

import base64
import gzip
import hashlib
import html
import json
import quopri
import textwrap
import zlib
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clawbot_agent.bundle.redaction import UNSEARCHED, WITHHELD, Redaction
from clawbot_agent.core.secret import Secret

Encoder = Callable[[str], str]

# generated tokens, and passphrases
TOKENS: Final = st.text(
    alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=!$&'\"\\%~#",
    min_size=16,
    max_size=64,
).filter(lambda text: len(set(text)) >= 8)
PHRASES: Final = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=12,
    max_size=40,
).filter(lambda text: len(set(text.strip())) >= 8 and text == text.strip())
NOISE: Final = st.text(alphabet="abcXYZ 0189/+=-_.:{}\"'\\%&;,", max_size=12)


def _noise(size: int) -> bytes:
    """Return the same bytes in every run."""
    return b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(size // 32))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _all_escaped(text: str) -> str:
    return "".join(
        f"\\u{unit:04x}"
        for unit in (int.from_bytes(pair, "big") for pair in _pairs(text.encode("utf-16-be")))
    )


def _pairs(data: bytes) -> list[bytes]:
    return [data[start : start + 2] for start in range(0, len(data), 2)]


ENCODERS: Final[dict[str, Encoder]] = {
    "plain": lambda text: text,
    "base64": _base64,
    "base64 without padding": lambda text: _base64(text).rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64, one byte before": lambda text: _base64(f"x{text}y"),
    "base64, two bytes before": lambda text: _base64(f"xy{text}"),
    "base64, wrapped": lambda text: "\n".join(textwrap.wrap(_base64("x" * 50 + text), 76)),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64 of zlib": lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex with blanks": lambda text: text.encode().hex(" "),
    "URL": lambda text: quote(text, safe=""),
    "URL with slashes": quote,
    "form": quote_plus,
    "URL, every byte": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON": json.dumps,
    "JSON with UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON, every character": _all_escaped,
    "C": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "repr": repr,
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "mail": lambda text: quopri.encodestring(text.encode()).decode(),
    "uppercase-proof JSON string in JSON": lambda text: json.dumps(json.dumps({"token": text})),
}
ASCII_ONLY: Final = {"C", "octal", "base64 of UTF-16", "mail"}


@pytest.mark.parametrize("name", ENCODERS)
@given(secret=TOKENS, before=NOISE, after=NOISE)
@example(secret="0000000001234567", before="", after="=")  # noqa: S106 - invented
@settings(max_examples=25)
def test_token_in_any_encoding_is_removed(name: str, secret: str, before: str, after: str) -> None:
    encoded = ENCODERS[name](secret)
    shown = Redaction([Secret(secret)])(f"{before} {encoded} {after}")
    for line in encoded.split("\n"):
        assert line not in shown or len(line) < 12
    assert secret not in shown


@pytest.mark.parametrize("name", [name for name in ENCODERS if name not in ASCII_ONLY])
@given(secret=PHRASES)
@settings(max_examples=25)
def test_passphrase_of_any_letters_is_removed(name: str, secret: str) -> None:
    encoded = ENCODERS[name](secret)
    shown = Redaction([Secret(secret)])(f"before {encoded} after")
    assert encoded not in shown
    assert secret not in shown


@given(
    secret=TOKENS,
    names=st.lists(st.sampled_from(sorted(set(ENCODERS) - {"plain"})), min_size=2, max_size=3),
    between=st.sampled_from(["", "\n"]),
)
# between two encodings, lines are joined or stay
@example("0000000001234567", ["base64 of gzip", "base64, wrapped"], "")
@example("0000000001234567", ["base64 of zlib", "base64, wrapped"], "")
@example("0000200310010110210457=", ["base64 of gzip", "C", "mail"], "")
# a soft line break in front of a backslash
@example("1417776317066074315000=0", ["base64 of gzip", "C", "mail"], "")
@example("471347106700022=1335=5=674545334672275", ["base64 of gzip", "octal", "mail"], "")
# soft line breaks without their line breaks
@example("/0000000000000123456", ["C", "mail", "C"], "")
@example("00000000000000000000000000000000001234567", ["C", "mail", "mail"], "\n")
# the last line has 12 to 19 letters
@example("=96=29704051653940=21250653=3918357", ["URL, every byte", "base64, wrapped"], "")
# a key whose value is masked up to the soft line break
@example(
    "/07/=0164+6406\\31++20=514",
    ["base64 of UTF-16", "uppercase-proof JSON string in JSON", "mail"],
    "\n",
)
@settings(max_examples=150)
def test_encoding_of_an_encoding_is_removed(secret: str, names: list[str], between: str) -> None:
    encoded = secret
    for name in names:
        encoded = ENCODERS[name](encoded.replace("\n", between))
    shown = Redaction([Secret(secret)])(f"value {encoded} end")
    for line in encoded.split("\n"):
        assert line not in shown or len(line) < 12


@pytest.mark.parametrize("width", [60, 64, 76])
@given(secret=TOKENS, before=st.binary(max_size=80))
@settings(max_examples=25)
def test_lines_wrapped_behind_a_log_prefix_are_removed(
    width: int, secret: str, before: bytes
) -> None:
    letters = base64.b64encode(before + secret.encode() + b"tail").decode()
    lines = [f"Nov 25 12:00:00 bot docker[12]: {part}" for part in textwrap.wrap(letters, width)]
    shown = Redaction([Secret(secret)])("\n".join(lines))
    found = "".join(line.rpartition(" ")[2] for line in shown.split("\n"))
    decoded = base64.b64decode(found + "===") if "[" not in found else b""
    assert secret.encode() not in decoded


@given(secret=TOKENS, at=st.integers(min_value=1, max_value=15))
@settings(max_examples=50)
def test_secret_broken_by_a_terminal_is_removed(secret: str, at: int) -> None:
    shown = Redaction([Secret(secret)])(f"a line with {secret[:at]}\n{secret[at:]} in it")
    assert secret not in "".join(shown.split())


def test_values_inside_a_document_are_secrets() -> None:
    document = {"env": {"vars": {"KEY": "abcDEF123456ghiJKL"}}, "botToken": "zyxWVU987654tsrQPO"}
    redaction = Redaction([Secret(json.dumps(document))])
    for value in ("abcDEF123456ghiJKL", "zyxWVU987654tsrQPO"):
        assert value not in redaction(f"--header X-Key:{_base64('Key ' + value)}")
        assert redaction(f"got {value}") == "got [REDACTED]"


@given(text=st.text(alphabet=st.characters(codec="utf-8")))
@settings(max_examples=50)
def test_any_text_is_accepted(text: str) -> None:
    Redaction([Secret("canary-Q8w7e6R5t4")])(text)


INNOCENT: Final = """\
2026-11-25T12:00:00.000+00:00 image: build clawbot/openclaw:2026.9.6 on node:24-trixie-slim
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is the digest of it
/var/lib/docker/overlay2/4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce/merged
{"level": "info", "event": "stage.finished", "state": "unchanged", "text": "a \\u2192 b %20 &amp;"}
the bot holds the lease; basic settings; key: not a value; token bucket; 100 % of 8 GB
"""


def test_text_without_a_secret_is_unchanged() -> None:
    """Else the bundle would be useless."""
    assert Redaction([Secret("canary-Q8w7e6R5t4"), Secret("abc")])(INNOCENT) == INNOCENT


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ('{"headers": {"Authorization": "Bot xyz-12345678"}}', "xyz-12345678"),
        ("https://a.file.core.windows.net/s?sv=2024&sig=abc%2Bdef%3D&sp=r", "abc%2Bdef%3D"),
        ("AccountName=a;AccountKey=Zm9vYmFy==;EndpointSuffix=x", "Zm9vYmFy=="),
        ("postgres://user:hunter22@db:5432/x", "hunter22"),
        ("OPENAI_API_KEY=abc123def456", "abc123def456"),
        ('"botToken": "12345:abcdef",', "12345:abcdef"),
        ('\\"apiKey\\": \\"qwertyuiop\\"', "qwertyuiop"),
        ("password='with a blank'", "with a blank"),
        ("caddy run --token s3cr3t-value", "s3cr3t-value"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
        ("using sk-ant-api03-abcdefghijklmnop", "abcdefghijklmnop"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnop"),
        ("bot 1234567890:AAabcdefghijklmnopqrstuvwxyz0123456", "AAabcdefghij"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "MIIabc"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza", "b3BlbnNza"),
        ("Set-Cookie: session=abcdef; Path=/", "abcdef"),
        (
            "https://api.telegram.org/bot12345678:AAHdqTcvCH1vGWJxfSeofSAs0K5PALD fails",
            "AAHdq",
        ),
        ("x-api-key: 9f8e7d6c5b4a39281706", "9f8e7d6c5b"),
        ("API key: 9f8e7d6c5b4a39281706", "9f8e7d6c5b"),
        ("password: hunter2hunter2", "hunter2"),
        ("Ocp-Apim-Subscription-Key: 0123456789abcdef", "0123456789"),
        ('"--header", "X-Api-Key: 9f8e7d6c5b4a39281706"', "9f8e7d6c5b"),
        ("https://hooks.slack.com/services/T01234567/B01234567/XyZabcdefghij", "XyZabc"),
        ("https://discord.com/api/webhooks/123456789012345678/abcDEFghi-JKLmno", "abcDEFghi"),
        ("xapp-1-A0123456789-1234567890-abcdef", "A0123456789"),
        ("glpat-abcdefghij1234567890", "abcdefghij"),
        ("sk_live_abcdefghijklmnopqrstuv", "abcdefghij"),
        ("gsk_abcdefghijklmnopqrstuvwxyz012345", "abcdefghij"),
        ("xai-abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij"),
    ],
)
def test_text_that_looks_like_a_secret_is_removed(text: str, secret: str) -> None:
    shown = Redaction([])(f"before\n{text}\nafter")
    assert secret not in shown
    assert shown.startswith("before\n")


def test_text_with_a_secret_that_cannot_be_removed_is_withheld() -> None:
    """One character per line."""
    canary = "canary-Q8w7e6R5t4"
    assert Redaction([Secret(canary)])("\n".join(canary)) == WITHHELD


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_line_too_long_to_be_searched_is_withheld(alphabet: Callable[[bytes], bytes]) -> None:
    """A picture in a log line would take minutes; the lines around it stay."""
    canary = "canary-Q8w7e6R5t4"
    noise = _noise(150_000)
    picture = alphabet(noise[:70_000] + canary.encode() + noise[70_000:]).decode()
    shown = Redaction([Secret(canary)])(f"before\nimage {picture}\nafter")
    length = len(f"image {picture}")
    assert shown == f"before\n[WITHHELD: a line of {length} characters]\nafter"


def test_long_wrapped_text_is_withheld() -> None:
    wrapped = base64.encodebytes(_noise(60_000)).decode()
    shown = Redaction([])(f"before\n{wrapped}after")
    assert shown.splitlines()[0] == "before"
    assert shown.splitlines()[-1] == "after"
    assert not any(line in shown for line in wrapped.splitlines())


@pytest.mark.parametrize("packing", [zlib.compress, gzip.compress])
def test_compressed_data_that_unpacks_to_megabytes_is_removed(
    packing: Callable[[bytes], bytes],
) -> None:
    """It cannot be searched to its end."""
    canary = "canary-Q8w7e6R5t4"
    packed = base64.b64encode(packing(b"\0" * 4_000_000 + canary.encode())).decode()
    assert Redaction([Secret(canary)])(f"before {packed} after") == "before [REDACTED] after"


def test_compressed_text_with_many_decodings_is_removed() -> None:
    """Each piece is below the limit, all of them are not."""
    pieces = [zlib.compress(b"%c1+b" % (65 + number) * 200_000) for number in range(12)]
    packed = base64.b64encode(b"".join(pieces)).decode()
    assert Redaction([])(f"before {packed} after") == "before [REDACTED] after"


def test_text_broken_inside_an_encoding_is_found() -> None:
    canary = "canaryQ8w7e6"
    for broken in ("canary\nQ8w7e6", "canary=\nQ8w7e6", "canary\\\nQ8w7e6"):
        text = base64.b64encode(broken.encode()).decode()
        assert Redaction([Secret(canary)])(text) == "[REDACTED]"


def test_encoding_within_noise_is_found() -> None:
    """Only text is decoded further, and this is text."""
    canary = "canary-Q8w7e6R5t4"
    noise = _noise(2000)
    inner = base64.b64encode(canary.encode())
    text = base64.b64encode(noise + b"\xff" + inner + b"\xff" + noise).decode()
    assert Redaction([Secret(canary)])(text) == "[REDACTED]"
    assert Redaction([])(text) == text


def test_unsearched_text_is_withheld_when_time_runs_out() -> None:
    looked = iter([False, False, True])
    redaction = Redaction([], expired=lambda: next(looked))
    assert redaction("one\ntwo\nthree") == UNSEARCHED
