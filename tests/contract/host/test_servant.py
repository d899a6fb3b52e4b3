import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clawbot_agent.host.servant import Servant

Json = dict[str, Any]


def replies() -> Callable[[Json], Json]:
    """What the child does."""
    count = 0

    def reply(question: Json) -> Json:
        nonlocal count
        count += 1
        match question["do"]:
            case "sleep":
                time.sleep(60)
            case "refuse":
                raise OSError(errno.ESTALE, "Stale file handle")
            case "die":
                os._exit(1)
        return {"pid": os.getpid(), "count": count, "said": question.get("say", "")}

    return reply


@pytest.fixture
def servant() -> Iterator[Servant]:
    made = Servant(replies)
    yield made
    made.abandon()


def asked(servant: Servant, **question: object) -> Json:
    servant.ask(question)
    answer = servant.answer(timeout=10)
    assert answer is not None
    return answer


def test_it_answers_in_another_process_and_keeps_its_memory(servant: Servant) -> None:
    first, second = asked(servant, do="it"), asked(servant, do="it")
    assert first["pid"] == second["pid"] != os.getpid()
    assert second["count"] == 2


def test_a_long_answer_comes_whole(servant: Servant) -> None:
    """Longer than one read of the pipe."""
    text = "x" * 300_000
    servant.ask({"do": "it", "say": text[:60_000]})
    answer = None
    while answer is None:
        answer = servant.answer(timeout=10)
    assert answer["said"] == text[:60_000]


def test_what_the_kernel_refuses_is_an_answer(servant: Servant) -> None:
    assert asked(servant, do="refuse") == {
        "error": errno.ESTALE,
        "message": "[Errno 116] Stale file handle",
    }
    assert asked(servant, do="it")["count"] == 2


def test_a_child_that_is_held_up_holds_up_nobody(servant: Servant) -> None:
    servant.ask({"do": "sleep"})
    started = time.monotonic()
    assert servant.answer() is None
    assert servant.busy
    servant.abandon()
    assert not servant.busy
    assert asked(servant, do="it")["count"] == 1
    assert time.monotonic() - started < 5


def test_a_frozen_child_is_given_up(servant: Servant) -> None:
    """As one in the kernel: it takes no signal but SIGKILL."""
    child = asked(servant, do="it")["pid"]
    os.kill(child, signal.SIGSTOP)
    servant.ask({"do": "it"})
    assert servant.answer(timeout=0.2) is None
    servant.abandon()
    assert asked(servant, do="it")["pid"] != child


def test_a_child_that_died_says_so_and_is_replaced(servant: Servant) -> None:
    assert "has ended" in asked(servant, do="die")["message"]
    assert asked(servant, do="it")["count"] == 1


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """It would hold the lease's lock for ever."""
    note = tmp_path / "pid"
    parent = os.fork()
    if parent == 0:
        made = Servant(replies)
        made.ask({"do": "it"})
        answer = made.answer(timeout=10) or {}
        note.write_text(str(answer["pid"]))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    child = int(note.read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")
