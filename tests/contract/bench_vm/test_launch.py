import os
import sys
import time
from pathlib import Path

from tests.bench import launch, outlive

# children that act as soon as the parent is gone
_FAMILY = """
import os, sys
marks, children = sys.argv[1], int(sys.argv[2])
reading, writing = os.pipe()
for number in range(children):
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)
        os.close(os.open(f"{marks}/{number}", os.O_CREAT | os.O_WRONLY))
        os._exit(0)
os.read(os.pipe()[0], 1)
"""
_CHILDREN = 200


def test_clear_stops_all_processes_before_killing_any(tmp_path: Path) -> None:
    """Programs in user-mode Linux must not outlive their kernel even briefly."""
    marks = tmp_path / "marks"
    marks.mkdir()
    group = f"clawbot-bench-test-{os.getpid()}"
    family = (sys.executable, "-c", _FAMILY, str(marks), str(_CHILDREN))
    try:
        first = outlive.start(family, group=group, log=tmp_path / "log")
        deadline = time.monotonic() + 30
        while len(launch.members(group)) <= _CHILDREN:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
    finally:
        launch.clear(group)
    assert first.wait(seconds=5)
    assert not launch.members(group)
    assert [path.name for path in marks.iterdir()] == []
