"""The bundle of a bot whose secrets are canaries, planted in every place that it collects."""

import base64
import binascii
import html
import io
import json
import re
import tarfile
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote

import pytest
import zstandard

from tests.support.bot import Bot

_BUNDLES: Final = "/var/lib/clawbot/bundles"
_RUNS: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}){12,}")


def _forms(canary: str) -> Iterator[str]:
    """Yield the canary as a program may write it, without any code of the product."""
    raw = canary.encode()
    yield canary
    yield raw.hex()
    yield raw.hex().upper()
    yield raw.hex(":")
    yield quote(canary, safe="")
    yield quote_plus(canary)
    yield "".join(f"%{byte:02x}" for byte in raw)
    yield json.dumps(json.dumps({"t": canary}))
    yield "".join(f"\\u{ord(letter):04x}" for letter in canary)
    yield html.escape(canary)
    yield "".join(f"&#{ord(letter)};" for letter in canary)
    for before in ("", "a", "ab"):
        letters = base64.b64encode((before + canary).encode())
        yield letters.decode()
        yield base64.urlsafe_b64encode((before + canary).encode()).decode()
        yield base64.b64encode(before.encode() + letters).decode()
        yield base64.b64encode((before + canary).encode().hex().encode()).decode()
    yield base64.b32encode(raw).decode()


def _plant(bot: Bot, canaries: tuple[str, ...]) -> None:
    forms = [form for canary in canaries for form in _forms(canary)]
    text = "".join(f"planted {form} here\n" for form in forms)
    text += "".join(f"GET /?token={form}&x=1 https://u:{form}@h/\n" for form in canaries)
    text += "".join(f"Authorization: Bearer {canary}\n" for canary in canaries)
    (bot.bench.root / "root/planted").write_text(text)
    events = "".join(json.dumps({"event": "x", "text": line}) + "\n" for line in text.splitlines())
    (bot.bench.root / "root/planted.jsonl").write_text(events)
    for command in (
        "cat /root/planted.jsonl >> /var/log/clawbot/events.jsonl",
        "systemd-cat --identifier=planted --priority=warning < /root/planted",
        "base64 --wrap=76 < /root/planted | systemd-cat --identifier=planted --priority=warning",
        "cp /root/planted /var/log/cloud-init-output.log",
        "base64 < /root/planted > /run/clawbot/planted.json",
        "cp /root/planted /etc/caddy/Caddyfile.refused",
        # the container's output
        "docker exec -i openclaw-gateway sh -c 'cat > /proc/1/fd/1' < /root/planted",
    ):
        bot.sh(command)
    # in a process list
    bot.sh(f"systemd-run --quiet --unit=planted sh -c 'sleep 600; : {canaries[0]}'")


@pytest.fixture
def planted(bot: Bot) -> Iterator[tuple[Bot, tuple[str, ...]]]:
    canaries = (bot.token, bot.inner)
    _plant(bot, canaries)
    yield bot, canaries
    bot.bench.exec("systemctl stop planted; rm -f /root/planted* /run/clawbot/planted.json")
    bot.sh("rm -f /etc/caddy/Caddyfile.refused /var/log/cloud-init-output.log /var/log/clawbot/*")
    # archived journal files have an @ in their names
    bot.sh("journalctl --rotate --quiet; rm -f /var/log/journal/*/*@*")


def _collected(bot: Bot) -> dict[str, bytes]:
    done = bot.agent("collect")
    assert done.code == 0, done.stdout + done.stderr
    path = done.stdout.split()[0]
    assert bot.sh(f"stat -c '%a %U' {path}").split() == ["600", "root"]
    data = (bot.bench.root / path.removeprefix("/")).read_bytes()
    assert len(data) < 8 * 1024 * 1024
    plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=2**28)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {m.name: (archive.extractfile(m) or io.BytesIO()).read() for m in archive}


def _decoded(data: bytes) -> Iterator[bytes]:
    """Yield every decoding of each run of base64 letters and of hex digits."""
    for run in _RUNS.findall(data):
        letters = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = letters[start : start + (len(letters) - start) // 4 * 4]
            yield binascii.a2b_base64(part)
    for run in _HEX.findall(data):
        yield binascii.unhexlify(run[: len(run) // 2 * 2])
        yield binascii.unhexlify(run[1 : 1 + (len(run) - 1) // 2 * 2])


def test_bundle_contains_no_canary_in_any_encoding(
    planted: tuple[Bot, tuple[str, ...]], figures: dict[str, float]
) -> None:
    bot, canaries = planted
    found = _collected(bot)
    figures["size of a bundle, unpacked, MB"] = sum(map(len, found.values())) / 1e6
    # the canaries were collected there, and removed
    for name in (
        *("agent/events.jsonl", "journal/errors.txt", "cloud-init/cloud-init-output.log"),
        *("agent/runtime.txt", "caddy/Caddyfile.refused", "gateway/output.txt"),
        "system/processes.txt",
    ):
        assert b"[REDACTED]" in found[name] or b"[WITHHELD" in found[name], name
    for name, data in found.items():
        texts = [data, b"".join(data.split()), unquote(data.decode()).encode()]
        texts += [html.unescape(data.decode()).encode(), data.replace(b"\\", b"")]
        texts += _decoded(data)
        texts += [twice for once in tuple(texts[5:]) for twice in _decoded(once)]
        for canary in canaries:
            secret = canary.encode()
            assert not any(secret in text for text in texts), name
            forms = [form.encode() for form in _forms(canary)]
            assert not any(form in data for form in forms), name


def test_bundle_has_status_events_and_state_of_the_bot(bot: Bot, figures: dict[str, float]) -> None:
    figures["collecting a bundle, s"] = bot.agent("collect").seconds
    found = _collected(bot)
    assert json.loads(found["agent/status.json"])["result"] == "converged"
    assert b"openclaw-gateway" in found["docker/containers.txt"]
    assert b"caddy.service" in found["systemd/units.txt"]
    assert b"ready" in found["gateway/output.txt"]
    assert json.loads(found["gateway/openclaw.json"])["gateway"]["port"] == 18789
    manifest = json.loads(found["MANIFEST.json"])
    assert manifest["known_secrets"] >= 2
    assert {one["name"] for one in manifest["files"]} >= set(found) - {"MANIFEST.json"}


@pytest.mark.extended("bot")
def test_frozen_docker_does_not_prevent_a_bundle(bot: Bot, figures: dict[str, float]) -> None:
    bot.sh("systemctl kill --signal=STOP docker.service")
    try:
        done = bot.agent("collect", timeout=400)
    finally:
        bot.sh("systemctl kill --signal=CONT docker.service")
    figures["collecting a bundle with a frozen Docker, s"] = done.seconds
    assert done.code == 0, done.stdout + done.stderr
    assert bot.sh(f"ls {_BUNDLES} | wc -l").strip() in {"1", "2", "3"}
