"""Long steps report progress; short ones report only their end."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench.heartbeat import EVERY_SECONDS, heartbeat, say, step


class Lines:
    """The reported lines, and a way to wait for them."""

    def __init__(self) -> None:
        """Start without lines."""
        self.said: list[str] = []
        self._news = threading.Condition()

    def __call__(self, line: str) -> None:
        """Add a line."""
        with self._news:
            self.said.append(line)
            self._news.notify_all()

    def wait(self, count: int) -> None:
        """Wait until there are this many lines."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.said) >= count, timeout=10)


@contextmanager
def _unchanged_threads() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_interval_is_below_ten_seconds() -> None:
    assert 1 <= EVERY_SECONDS <= 8


def test_long_step_reports_its_name_and_duration() -> None:
    lines = Lines()
    began = time.monotonic()
    with _unchanged_threads(), heartbeat("root file system", lines, every=0.01):
        lines.wait(3)
    elapsed = time.monotonic() - began
    for line in lines.said:
        match = re.fullmatch(r" *(\d+) s  \.\.\. root file system", line)
        assert match is not None
        assert int(match[1]) <= elapsed + 1
    count = len(lines.said)
    time.sleep(0.05)
    assert len(lines.said) == count


def test_latest_text_is_reported() -> None:
    lines, latest = Lines(), ["step 1"]
    with heartbeat(lambda: latest[0], lines, every=0.01):
        lines.wait(1)
        latest[0] = "step 2"
        lines.wait(len(lines.said) + 2)
    assert lines.said[0].endswith("... step 1")
    assert lines.said[-1].endswith("... step 2")


def test_other_output_restarts_the_interval() -> None:
    lines = Lines()
    with heartbeat("image", lines, every=0.5) as heard:
        for _ in range(20):
            time.sleep(0.05)
            heard()
        assert lines.said == []
        lines.wait(1)


def test_short_step_reports_only_its_end() -> None:
    lines = Lines()
    with heartbeat("network", lines):
        pass
    assert lines.said == []
    with step("network", lines):
        pass
    assert len(lines.said) == 1
    assert re.fullmatch(r" *0\.\d s  network", lines.said[0])


def test_failed_step_raises_and_is_not_reported_as_done() -> None:
    lines = Lines()
    with _unchanged_threads(), pytest.raises(ValueError, match="broken"), step("network", lines):
        raise ValueError("broken")  # noqa: EM101 - any error
    assert lines.said == []


def test_lines_of_several_threads_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [letter * 200 for letter in "abcd"]

    def repeat(text: str) -> None:
        for _ in range(200):
            say(text)

    threads = [threading.Thread(target=repeat, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 800
    assert set(lines) == set(texts)
