"""Clean-up when a command of the bench is interrupted or terminated."""

import signal
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Raise KeyboardInterrupt on the first SIGINT, SIGTERM or SIGHUP; ignore later ones."""
    for number in _ENDING:
        # a shell makes its background commands ignore SIGINT: keep that
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _ENDING:
        # a second signal must not interrupt the clean-up
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
