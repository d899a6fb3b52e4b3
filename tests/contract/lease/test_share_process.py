"""The lease's view of a child process: questions, answers, and an end to every wait."""

import errno
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.features.lease.share_process_io import ShareProcess
from clawbot_agent.host.isolation import Isolation, program
from tests.contract.host.conftest import end

Json = dict[str, Any]


def a_process() -> ShareProcess:
    return ShareProcess(Isolation(program("tests.contract.lease.operations")))


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's program lies among the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))


@pytest.fixture
def process() -> Iterator[ShareProcess]:
    made = a_process()
    yield made
    made.abandon()
    end(made._isolation)  # noqa: SLF001 - nothing else ends them


def asked(process: ShareProcess, verb: str, **arguments: object) -> Json:
    process.ask({"verb": verb, **arguments})
    answer = process.answer(timeout=10)
    assert answer is not None
    return answer


def test_process_answers_and_keeps_its_state(process: ShareProcess) -> None:
    first, second = asked(process, "count"), asked(process, "count")
    assert first["pid"] == second["pid"] != os.getpid()
    assert second["count"] == 2


def test_long_answer_arrives_complete(process: ShareProcess) -> None:
    """Longer than one read of the channel."""
    text = "x" * 300_000
    process.ask({"verb": "count", "say": text[:60_000]})
    answer = None
    while answer is None:
        answer = process.answer(timeout=10)
    assert answer["said"] == text[:60_000]


def test_question_leaves_before_the_first_look_at_the_answer(process: ShareProcess) -> None:
    """The daemon looks once a second, so a later start would delay fencing by a second."""
    asked(process, "count")
    process.ask({"verb": "count"})
    call = process._call  # noqa: SLF001 - shows when the answer has arrived
    assert call is not None
    assert select.select((call._child._channel,), (), (), 10)[0]  # noqa: SLF001 - same
    answer = process.answer()
    assert answer is not None
    assert answer["count"] == 2


def test_kernel_error_is_an_answer(process: ShareProcess) -> None:
    assert asked(process, "refuse") == {
        "error": errno.ESTALE,
        "message": "Stale file handle",
    }
    assert asked(process, "count")["count"] == 2


def test_hung_process_blocks_nothing(process: ShareProcess) -> None:
    process.ask({"verb": "sleep"})
    started = time.monotonic()
    assert process.answer() is None
    assert process.busy
    process.abandon()
    assert not process.busy
    assert asked(process, "count")["count"] == 1
    assert time.monotonic() - started < 20


def test_frozen_process_is_replaced(process: ShareProcess) -> None:
    """Like a process blocked in the kernel, it reacts to SIGKILL only."""
    child = asked(process, "count")["pid"]
    os.kill(child, signal.SIGSTOP)
    process.ask({"verb": "count"})
    assert process.answer(timeout=0.2) is None
    process.abandon()
    assert asked(process, "count")["pid"] != child


def test_dead_process_is_reported_and_replaced(process: ShareProcess) -> None:
    assert "has ended" in asked(process, "die")["message"]
    assert asked(process, "count")["count"] == 1


def test_process_ends_with_its_parent(tmp_path: Path) -> None:
    """Otherwise it would keep the lease's lock."""
    note = tmp_path / "pid"
    parent = os.fork()
    if parent == 0:
        try:
            made = a_process()
            made.ask({"verb": "count"})
            answer = made.answer(timeout=10) or {}
            note.write_text(str(answer["pid"]))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    child = int(note.read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the process still runs")
