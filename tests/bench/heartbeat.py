"""Progress messages during long steps: what runs, and for how long."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Say = Callable[[str], None]

# documented as 10 s; the margin is for a busy machine
EVERY_SECONDS: Final = 6.0


def say(line: str) -> None:
    """Print one line immediately and atomically, so that lines of two threads do not mix."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def heartbeat(
    what: str | Callable[[], str], say: Say = say, *, every: float = EVERY_SECONDS
) -> Iterator[Callable[[], None]]:
    """Report what runs after each period without output, until the block ends.

    Yields a function that the block calls after output of its own, which restarts the period.

    Args:
        what: the step, or a function that returns its progress.
        say: receives each line, in a separate thread.
        every: the period, in seconds.
    """
    began = last = time.monotonic()
    over = threading.Event()

    def heard() -> None:
        nonlocal last
        last = time.monotonic()

    def beat() -> None:
        while not over.wait(max(0.0, last + every - time.monotonic())):
            if time.monotonic() - last >= every:
                text = what if isinstance(what, str) else what()
                say(f"{time.monotonic() - began:6.0f} s  ... {text}")
                heard()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join()


@contextmanager
def step(what: str, say: Say = say, *, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Report progress, and at the end how long the step took."""
    began = time.monotonic()
    with heartbeat(what, say, every=every):
        yield
    say(f"{time.monotonic() - began:6.1f} s  {what}")
