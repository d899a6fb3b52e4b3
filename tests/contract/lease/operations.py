"""A program for `isolation`: operations that answer, fail, hang or die."""

import errno
import os
import time
from typing import NoReturn

from clawbot_agent.host.isolated import serve

_calls: list[str] = []


def count(*, say: str = "") -> dict[str, object]:
    """Return the number of calls so far, and what was said."""
    _calls.append(say)
    return {"pid": os.getpid(), "count": len(_calls), "said": say}


def refuse() -> NoReturn:
    """Fail as the kernel does for a share that was replaced."""
    _calls.append("")
    raise OSError(errno.ESTALE, "Stale file handle")


if __name__ == "__main__":
    serve(
        {
            "count": count,
            "refuse": refuse,
            "sleep": lambda: time.sleep(60),
            "die": lambda: os._exit(1),
        }
    )
