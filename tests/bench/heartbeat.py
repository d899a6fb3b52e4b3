"""A sign of life during long steps: what is going on, and for how long."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Say = Callable[[str], None]

# the promise is 10 s; the rest is for a machine whose processors are busy
EVERY_SECONDS: Final = 6.0


def say(line: str) -> None:
    """Print one line at once and in one piece: two threads never write into each other's."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def heartbeat(
    what: str | Callable[[], str], say: Say = say, *, every: float = EVERY_SECONDS
) -> Iterator[Callable[[], None]]:
    """Say after each silence what is going on, until the block ends; a short block says nothing.

    The block is given what it calls when something else was said: that ends a silence too.

    Args:
        what: the step, or what tells how far it is by now.
        say: is given each line, in a thread of its own.
        every: seconds of silence.
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
    """A heartbeat, and at the end a line that says how long the step took."""
    began = time.monotonic()
    with heartbeat(what, say, every=every):
        yield
    say(f"{time.monotonic() - began:6.1f} s  {what}")
