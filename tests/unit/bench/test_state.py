import os
import signal
from pathlib import Path

import pytest

from tests.bench.state import Process, State


def test_loaded_record_equals_the_saved_one(tmp_path: Path) -> None:
    state = State(index=3, ready=True, processes={"machine": Process(pid=12, started=34)})
    state.save(tmp_path)
    assert State.load(tmp_path) == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_missing_record_loads_as_none(tmp_path: Path) -> None:
    assert State.load(tmp_path / "nothing") is None


def test_later_process_with_the_same_pid_is_not_alive() -> None:
    mine = Process.of(os.getpid())
    assert mine.alive()
    assert not Process(pid=mine.pid, started=mine.started + 1).alive()


def test_reused_pid_is_never_signaled(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _number: sent.append(pid))
    mine = Process.of(os.getpid())
    Process(pid=mine.pid, started=mine.started - 1).stop(grace_seconds=0)
    assert sent == []
    mine.send(signal.SIGTERM)
    assert sent == [mine.pid]


def test_exited_process_is_not_alive() -> None:
    assert not Process.of(2**22 + 1).alive()
