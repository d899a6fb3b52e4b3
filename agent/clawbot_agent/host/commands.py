"""Programs: argv tuples, bounded time, no orphans."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final, Protocol

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause
from clawbot_agent.host.limit import Limit

__all__ = ["CommandFailedError", "CommandMissingError", "CommandTimeoutError", "Completed", "Run"]

_SHOWN_STDERR: Final = 400
_GRACE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.25
_ENDING_POLL_SECONDS: Final = 0.05
# messages are matched in English, and nothing may prompt
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "NEEDRESTART_MODE": "l",
}


class CommandFailedError(ClawbotError):
    """A program ended with an unexpected exit status."""

    code = "COMMAND_FAILED"
    cause = FailureCause.UNCERTAIN
    hint = "see the program's own error at the end of the message"


class CommandMissingError(ClawbotError):
    """A program is not installed."""

    code = "COMMAND_MISSING"
    cause = FailureCause.UNCERTAIN
    hint = "run 'clawbot-agent run --stage apt' first"


class CommandTimeoutError(ClawbotError):
    """A program was stopped at its time limit."""

    code = "COMMAND_TIMEOUT"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "nothing to do: the agent retries; if it persists, check the load and the network"


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a program."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.returncode == 0

    def require(self) -> "Completed":
        """Return itself when the exit status is 0.

        Raises:
            CommandFailedError: with the status and the end of stderr.
        """
        if self.ok:
            return self
        said = (self.stderr.strip() or self.stdout.strip())[-_SHOWN_STDERR:]
        msg = f"{self.argv[0]} ended with status {self.returncode}: {said}"
        raise CommandFailedError(msg)


class Run(Protocol):
    """Runs a program to its end."""

    def __call__(
        self,
        argv: tuple[str, ...],
        *,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Completed:
        """Run `argv`; the caller judges the exit status.

        Args:
            argv: program and arguments; never a shell string.
            timeout: seconds, further capped by the limit of the run.
            env: variables on top of the agent's own and `LC_ALL=C.UTF-8`.
            stdin: text for its standard input; empty when None.

        Raises:
            CommandMissingError: the program is not installed.
            CommandTimeoutError: the time limit; the whole process group is killed.
            InterruptedRunError: the run was interrupted; likewise.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemRun:
    """`Run` on this machine."""

    limit: Limit

    def __call__(
        self,
        argv: tuple[str, ...],
        *,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Completed:
        """See `Run`."""
        self.limit.check()
        limit = self.limit.narrowed(timeout, label=argv[0])
        with _memory_file(stdin or "") as given, _memory_file() as out, _memory_file() as err:
            try:
                # a group of its own, so that its children end with it
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL if stdin is None else given,
                    stdout=out,
                    stderr=err,
                    env={**os.environ, **_ENVIRONMENT, **(env or {})},
                    start_new_session=True,
                )
            except (FileNotFoundError, PermissionError) as error:
                msg = f"{argv[0]}: {error.strerror}"
                raise CommandMissingError(msg) from error
            _await_end(process, limit=limit)
            return Completed(argv, process.returncode, _content(out), _content(err))


@contextlib.contextmanager
def _memory_file(text: str = "") -> Iterator[IO[bytes]]:
    # not a pipe: a daemon left behind would keep it open, and communicate() loses the rest of a
    # long input after a timeout; not on disk: it may be a secret
    with os.fdopen(os.memfd_create("clawbot-agent"), "w+b") as file:
        file.write(text.encode())
        file.seek(0)
        yield file


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _await_end(process: "subprocess.Popen[bytes]", *, limit: Limit) -> None:
    while True:
        try:
            process.wait(min(_POLL_SECONDS, limit.remaining() + 0.01))
        except subprocess.TimeoutExpired:
            pass
        else:
            return
        if limit.canceled.is_set():
            _end_group(process)
            limit.check()
        if limit.remaining() <= 0:
            _end_group(process)
            msg = f"{limit.label}: stopped at the time limit"
            raise CommandTimeoutError(msg)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End the program and its children, also those that outlive it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signal_group(process.pid, number):
            return
        for _ in range(round(_GRACE_SECONDS / _ENDING_POLL_SECONDS)):
            # a process leaves the group only when it has been waited for
            process.poll()
            if not _signal_group(process.pid, 0):
                return
            time.sleep(_ENDING_POLL_SECONDS)


def _signal_group(group: int, number: int) -> bool:
    """Return whether the group has a process."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
