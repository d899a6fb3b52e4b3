"""Removing benches: `down --all`, and the targets of the Makefile that use it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.bench import __main__ as command_line
from tests.bench import bench
from tests.bench.state import Process, State

ROOT: Final = Path(__file__).resolve().parents[2]


def _make(*arguments: str, where: Path) -> list[str]:
    argv = ("make", "-f", str(ROOT / "Makefile"), "-C", str(where), "--no-print-directory")
    done = subprocess.run((*argv, *arguments), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bench, "HOME", tmp_path)
    monkeypatch.setattr(command_line, "HOME", tmp_path)
    monkeypatch.setattr(command_line, "REPOSITORY", tmp_path)
    monkeypatch.setattr(command_line, "interrupt_on_signals", lambda: None)
    return tmp_path


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    return command_line.main()


def test_down_all_removes_every_bench_with_its_processes(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two-b"):
        (home / "run" / name).mkdir(parents=True)
    (home / "cache").mkdir()
    with subprocess.Popen(("/bin/sleep", "60")) as running:
        State(index=0, processes={"dns": Process.of(running.pid)}).save(home / "run" / "two-b")
        assert _run(monkeypatch, "down", "--all") == 0
        assert running.wait(timeout=10) != 0
    assert not (home / "run").exists()
    assert capsys.readouterr().out.splitlines() == [
        "bench 'one': removed",
        "bench 'two-b': removed",
        "kept for the next bench: cache (0.0 GB)",
    ]


def test_down_all_without_a_bench_does_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "down", "--all") == 0
    assert not list(home.iterdir())
    assert not capsys.readouterr().out


def test_down_removes_only_the_named_bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (home / "run" / name).mkdir(parents=True)
    assert _run(monkeypatch, "--name", "one", "down") == 0
    assert [path.name for path in (home / "run").iterdir()] == ["two"]


def test_make_clean_removes_all_benches_before_their_files(tmp_path: Path) -> None:
    commands = _make("-n", "clean", "PYTHON=python3", where=tmp_path)
    assert commands == ["python3 -m tests.bench down --all", "rm -rf .bench .venv"]


@pytest.mark.parametrize("exists", [False, True])
def test_make_down_includes_demo_vm_only_when_it_exists(tmp_path: Path, *, exists: bool) -> None:
    if exists:
        (tmp_path / ".bench/run/demo-vm").mkdir(parents=True)
    commands = _make("down", "PYTHON=echo", "BENCH_NAME=foo", where=tmp_path)
    more = ["-m tests.bench --name demo-vm down"] if exists else []
    assert commands == ["-m tests.bench --name foo down", *more]
