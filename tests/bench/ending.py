"""A command of the bench that is told to end cleans up first."""

import signal
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def clean_up_when_told_to_end() -> None:
    """Let Ctrl-C, a terminated or a hung-up command raise KeyboardInterrupt, once."""
    for number in _ENDING:
        # a shell that started this in the background had it ignore Ctrl-C: leave that so
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _ENDING:
        # an impatient second one must not stop the cleaning up
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
