"""Content of a bundle, and secrets that are not in it."""

import base64
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from clawbot_agent.bundle.bundle import collect
from clawbot_agent.bundle.known import known_secrets
from clawbot_agent.bundle.pieces import LARGEST, PIECES, Piece, tail
from clawbot_agent.core.paths import BUNDLES_DIR, GATEWAY_SECRETS_DIR, SECRETS_DIR
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandMissingError, CommandTimeoutError
from clawbot_agent.host.files import FileWriteError
from tests.fakes import FakeClock, FakeDocker, FakeFiles, FakeRun, a_config, fake_host

CONFIG = a_config()
TOKEN = "canary-token-Q8w7e6R5t4Z3u2"  # noqa: S105 - a canary
INNER = "canary-inner-A1s2D3f4G5h6J7"
KEY = "canaryKEY+/Y9x8C7v6B5n4M3a2S1d0F=="
ADDED = "canary-added-L0k9J8h7G6f5D4"
VARIABLE = "canary-variable-P0o9I8u7Z6"
CANARIES = (TOKEN, INNER, KEY, ADDED, VARIABLE)
PROGRAMS = sorted(
    {
        *("journalctl", "systemctl", "df", "free", "ps", "ss", "ip", "losetup", "timedatectl"),
        *("uname", "docker", "caddy", "cloud-init", "dpkg-query"),
    }
)


def _files() -> FakeFiles:
    files = FakeFiles()
    files.put(GATEWAY_SECRETS_DIR / "token", TOKEN)
    files.put(SECRETS_DIR / "openclaw.json", json.dumps({"env": {"vars": {"KEY": INNER}}}))
    files.put("/etc/smbcredentials/account.cred", f"username=account\npassword={KEY}\n")
    added = {
        "channels": {"x": {"botToken": ADDED}},
        "mcp": {"args": ["serve", "--api-key", "an-argument", "--port", "80"]},
        "workspace": "/home/node/.openclaw/workspace",
    }
    files.put(Path(CONFIG.state.path) / "openclaw.json", json.dumps(added))
    return files


def _docker() -> FakeDocker:
    environment = ["PATH=/usr/bin", f"MY_API_KEY={VARIABLE}", "OTHER=thing"]
    container = {"Image": "sha256:1", "Config": {"Env": environment, "Cmd": ["gateway", "run"]}}
    return FakeDocker(
        containers={"openclaw-gateway": container}, outputs={"openclaw-gateway": f"got {TOKEN}\n"}
    )


def _run(stdout: str) -> FakeRun:
    run = FakeRun()
    for program in PROGRAMS:
        run.answer(program, stdout=stdout)
    return run


def unpacked(files: FakeFiles, path: Path) -> dict[str, str]:
    data = zstandard.ZstdDecompressor().decompress(files.data_of(path), max_output_size=2**27)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            member.name: (archive.extractfile(member) or io.BytesIO()).read().decode()
            for member in archive
        }


def manifest(found: dict[str, str]) -> dict[str, dict[str, Any]]:
    files = json.loads(found["MANIFEST.json"])["files"]
    return {one["name"]: one for one in files}


def test_no_canary_is_in_a_bundle_in_any_encoding() -> None:
    text = "\n".join(
        f"{canary} {base64.b64encode(canary.encode()).decode()} "
        f"{base64.b64encode(b'a' + canary.encode()).decode()} {canary.encode().hex()}"
        for canary in CANARIES
    )
    files = _files()
    for place in ("/var/log/clawbot/events.jsonl", "/etc/caddy/Caddyfile", "/run/clawbot/a.json"):
        files.put(place, text)
    host = fake_host(files=files, docker=_docker(), run=_run(text))
    found = unpacked(files, collect(host, CONFIG))
    everything = "\n".join(found.values())
    for canary in CANARIES:
        assert canary not in everything
        assert canary.encode().hex() not in everything
        for before in (b"", b"a", b"ab"):
            # without the letters that depend on the neighboring bytes
            letters = base64.b64encode(before + canary.encode()).decode()
            assert letters[4:-4] not in everything
    assert "[REDACTED]" in found["journal/docker.service.txt"]


def test_bundle_contains_what_explains_a_failure() -> None:
    files = _files()
    files.put("/var/lib/clawbot/status.json", '{"result": "converged"}')
    host = fake_host(files=files, docker=_docker(), run=_run("no errors"))
    found = unpacked(files, collect(host, CONFIG))
    assert found["agent/status.json"] == '{"result": "converged"}'
    assert found["journal/caddy.service.txt"] == "no errors"
    config = json.loads(found["gateway/openclaw.json"])
    assert config["workspace"] == "/home/node/.openclaw/workspace"
    assert config["channels"]["x"]["botToken"] == "[REDACTED]"
    assert config["mcp"]["args"] == ["serve", "--api-key", "[REDACTED]", "--port", "80"]
    container = json.loads(found["gateway/containers.json"])["openclaw-gateway"]
    assert container["Config"]["Env"] == [
        "PATH=/usr/bin",
        "MY_API_KEY=[REDACTED]",
        "OTHER=[REDACTED]",
    ]
    assert json.loads(found["sidecar/health.json"])["status"] == 0


def test_manifest_keys_are_a_promise() -> None:
    files = _files()
    host = fake_host(files=files, docker=_docker(), run=_run(""))
    found = unpacked(files, collect(host, CONFIG))
    document = json.loads(found["MANIFEST.json"])
    keys = {"schema", "made", "agent_version", "instance_id", "boot_id", "known_secrets", "files"}
    assert set(document) == keys
    assert {frozenset(one) for one in document["files"]} == {
        frozenset({"name", "bytes", "problem"})
    }
    assert {one["name"] for one in document["files"]} == {piece.name for piece in PIECES}


def test_bundle_is_readable_by_root_only() -> None:
    files = FakeFiles()
    path = collect(fake_host(files=files), None, pieces=())
    stat, folder = files.stat(path), files.stat(BUNDLES_DIR)
    assert stat is not None
    assert folder is not None
    assert (stat.mode, stat.uid, folder.mode) == (0o600, 0, 0o700)


def test_three_bundles_are_kept() -> None:
    files, clock = FakeFiles(), FakeClock()
    host = fake_host(files=files, clock=clock)
    files.put(BUNDLES_DIR / "notes.txt", "an operator's")
    made: list[str] = []
    for _ in range(5):
        made.append(collect(host, None, pieces=()).name)
        clock.advance(60)
    assert files.list(BUNDLES_DIR) == (*made[2:], "notes.txt")


def test_output_elsewhere_keeps_the_default_directory_unchanged() -> None:
    files = FakeFiles()
    path = collect(fake_host(files=files), None, Path("/root/a.tar.zst"), pieces=())
    assert path == Path("/root/a.tar.zst")
    assert files.list(BUNDLES_DIR) == ()


def test_bundle_is_made_on_a_broken_machine() -> None:
    """Without engine, programs and configuration."""
    files, run = FakeFiles(), FakeRun()
    for number, program in enumerate(PROGRAMS):
        error = CommandMissingError if number % 2 else CommandTimeoutError
        run.fail(program, error=error(f"{program}: no"))
    found = unpacked(
        files, collect(fake_host(files=files, run=run, docker=FakeDocker(up=False)), None)
    )
    entries = manifest(found)
    assert entries["system/df.txt"] == {
        "name": "system/df.txt",
        "bytes": None,
        "problem": "COMMAND_TIMEOUT: df: no",
    }
    assert "DOCKER_UNAVAILABLE" in entries["gateway/containers.json"]["problem"]


def test_defect_in_a_piece_costs_that_piece_only() -> None:
    def broken(_host: Host, _config: object) -> str:
        raise RuntimeError(TOKEN)

    files = _files()
    pieces = (Piece("a.txt", broken), Piece("b.txt", lambda _host, _config: "here"))
    found = unpacked(files, collect(fake_host(files=files), CONFIG, pieces=pieces))
    assert found["b.txt"] == "here"
    assert manifest(found)["a.txt"]["problem"] == "RuntimeError: [REDACTED]"


def test_piece_that_does_not_end_is_stopped() -> None:
    def endless(host: Host, _config: object) -> str:
        while True:
            host.limit.sleep(1)

    files, clock = FakeFiles(), FakeClock()
    host = fake_host(files=files, clock=clock)
    found = unpacked(files, collect(host, None, pieces=(Piece("a.txt", endless, seconds=10),)))
    assert clock.monotonic() <= 11
    assert "DEADLINE_EXCEEDED" in manifest(found)["a.txt"]["problem"]


def test_bundle_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clawbot_agent.bundle.bundle._MOST_BYTES", 4000)
    # incompressible
    noise = "\n".join(f"{number * 2654435761 % 2**32:x}" for number in range(2000))
    files = FakeFiles()
    pieces = (
        Piece("large.txt", lambda _host, _config: noise),
        Piece("small.txt", lambda _host, _config: "kept"),
    )
    path = collect(fake_host(files=files), None, pieces=pieces)
    found = unpacked(files, path)
    assert len(files.data_of(path)) <= 4000
    assert found["small.txt"] == "kept"
    assert manifest(found)["large.txt"]["problem"] == "left out: the bundle would be too large"


@given(text=st.text(alphabet="ab\n"), largest=st.integers(min_value=1, max_value=20))
@settings(max_examples=50)
def test_end_of_a_long_text_is_kept(text: str, largest: int) -> None:
    kept = tail(text, largest)
    if len(text) <= largest:
        assert kept == text
    else:
        head, _, end = kept.partition("\n")
        assert "left out" in head
        assert text.endswith(end)


def test_full_disk_is_an_error() -> None:
    files = FakeFiles(refused={BUNDLES_DIR})
    with pytest.raises(FileWriteError):
        collect(fake_host(files=files), None, pieces=())


def test_unreadable_source_does_not_hide_other_secrets() -> None:
    files = _files()
    host = fake_host(files=files, docker=FakeDocker(up=False))
    values = {secret.reveal() for secret in known_secrets(host, CONFIG)}
    assert {TOKEN, KEY, ADDED} <= values
    assert VARIABLE not in values


def test_pieces_have_unique_names_and_bounded_time_and_size() -> None:
    names = [piece.name for piece in PIECES]
    assert len(names) == len(set(names))
    # all at their limits, four in parallel
    assert sum(piece.seconds for piece in PIECES) / 4 < 300
    assert len(PIECES) * LARGEST < 2**26
