"""Run other programs: takes an argv tuple, returns the output or raises a readable error."""

import subprocess
from collections.abc import Sequence

from tests.bench.errors import BenchError


def run(*argv: str, stdin: str | None = None, check: bool = True) -> str:
    """Run one program to its end and return what it wrote to standard output.

    Raises:
        BenchError: it could not be started or, with `check`, did not exit 0; the message contains
            the last lines of its output.
    """
    # when this process is killed, its child must not keep writing to files that are being removed
    tied = ("setpriv", "--pdeathsig", "KILL", *argv)
    try:
        done = subprocess.run(tied, input=stdin, capture_output=True, text=True, check=False)
    except OSError as error:
        msg = f"cannot start {argv[0]}: {error.strerror}"
        raise BenchError(msg) from error
    if check and done.returncode != 0:
        raise BenchError(failure(argv, done.returncode, done.stderr or done.stdout))
    return done.stdout


def failure(argv: Sequence[str], code: int, output: str) -> str:
    """Return one message for a failed command: argv, exit code and the end of its output."""
    tail = "\n".join(output.strip().splitlines()[-15:])
    return f"{' '.join(argv[:6])} exited {code}:\n{tail}"
