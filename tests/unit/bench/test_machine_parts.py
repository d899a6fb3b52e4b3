from pathlib import Path

import pytest

from tests.bench import slots
from tests.bench.errors import BenchError
from tests.bench.machine import read_environment
from tests.bench.network import Network, dns_arguments
from tests.bench.rootfs import apt_sources

_DEB822 = """\
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm-security
"""


def test_machine_uses_the_hosts_mirror_from_either_format() -> None:
    one_line = "deb [signed-by=/k] http://sec.test/debian-security bookworm-security main\n"
    lines = [line.split("] ")[1] for line in apt_sources(_DEB822 + "\n" + one_line).splitlines()]
    assert lines == [
        "http://mirror.test/debian bookworm main",
        "http://mirror.test/debian bookworm-updates main",
        "http://sec.test/debian-security bookworm-security main",
    ]


def test_missing_mirrors_are_named_on_another_distribution() -> None:
    with pytest.raises(BenchError, match="bookworm, bookworm-updates, bookworm-security"):
        apt_sources("deb http://archive.test/ubuntu noble main\n")


def test_environment_is_read_with_and_without_quotes(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    path.write_text("# no=thing\nA=1\nB=\"two words\"\nnonsense\nC='x=y'\n")
    assert read_environment(path) == {"A": "1", "B": "two words", "C": "x=y"}


def test_benches_share_no_name_or_address() -> None:
    one, two = Network(1), Network(2)
    for field in ("azure_namespace", "vm_namespace", "host_interface", "table", "subnet", "link"):
        assert getattr(one, field) != getattr(two, field)


def test_dns_answers_azures_names_and_forwards_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.bench.network.upstream_servers", lambda: ["192.0.2.53"])
    argv = dns_arguments({"v.vault.test": "100.64.0.9"}, tmp_path)
    assert "--address=/v.vault.test/100.64.0.9" in argv
    assert argv[-1] == "--server=192.0.2.53"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A separate host: an empty registry, and forwarding disabled."""
    monkeypatch.setattr(slots, "REGISTRY", tmp_path / "registry")
    monkeypatch.setattr(slots, "FORWARD", tmp_path / "ip_forward")
    monkeypatch.setattr(slots, "_LOCK", tmp_path)
    (tmp_path / "ip_forward").write_text("0\n")
    return tmp_path


def test_bench_numbers_are_unique_and_stable(registry: Path) -> None:
    assert slots.claim(registry / "a") == 0
    assert slots.claim(registry / "b") == 1
    assert slots.claim(registry / "a") == 0
    slots.release(0)
    assert slots.of(registry / "a") is None
    assert slots.claim(registry / "c") == 0


def test_last_bench_restores_the_hosts_forwarding(registry: Path) -> None:
    forward = registry / "ip_forward"
    for name in "ab":
        slots.claim(registry / name)
        slots.enable_forwarding()
    slots.release(0)
    assert forward.read_text() == "1\n"
    slots.release(1)
    assert forward.read_text() == "0\n"
    assert not (registry / "registry").exists()
