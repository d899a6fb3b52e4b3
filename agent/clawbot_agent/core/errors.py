"""Typed errors: what happened, on what, what to do next, and whether a retry helps.

Every error that an operator can see derives from `ClawbotError` and has a stable `code`. The
classes are defined beside the code that raises them. The retry policy belongs to the class,
not to the place of the call.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

__all__ = [
    "BRIEF",
    "NEVER",
    "PATIENT",
    "PROPAGATION",
    "ClawbotError",
    "DeadlineExceededError",
    "ErrorRef",
    "FailureCause",
    "InterruptedRunError",
    "RetryPolicy",
    "UnexpectedError",
]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """For how long one class of error is retried.

    The waits are drawn at random from an exponentially growing window, so that many bots that
    fail together do not retry together.

    Attributes:
        first: upper bound of the first wait, seconds.
        longest: upper bound of any wait, seconds.
        within: total time spent on errors of this class, seconds; 0 means no retry.
    """

    first: float
    longest: float
    within: float


NEVER: Final = RetryPolicy(first=0, longest=0, within=0)
BRIEF: Final = RetryPolicy(first=1, longest=5, within=45)
PATIENT: Final = RetryPolicy(first=2, longest=15, within=300)
# Azure role assignments take minutes, in bad hours more than ten
PROPAGATION: Final = RetryPolicy(first=3, longest=20, within=900)


class FailureCause(StrEnum):
    """The origin of a failure, which decides whether a new instance would help.

    A replacement has a new machine and a new disk, but the same configuration, roles, secrets,
    bot data and services.
    """

    INSTANCE = "instance"
    """This machine, or its disk."""
    UNCERTAIN = "uncertain"
    """Several causes are possible; replacement stops after two instances with the same error."""
    OPERATOR = "operator"
    """Configuration, roles, secrets or sizes, which only the operator can change."""
    EXTERNAL = "external"
    """A service that every instance needs is unavailable; the timer tries again."""
    DATA = "data"
    """The bot data, which the next instance gets too, or which a replacement would lose."""
    OTHER_INSTANCE = "other-instance"
    """Another instance is the bot, or is about to be."""

    @classmethod
    def _missing_(cls, value: object) -> "FailureCause | None":
        """Read a cause that only another version of the agent knows as uncertain."""
        return cls.UNCERTAIN if isinstance(value, str) else None

    @property
    def replacement_helps(self) -> bool:
        """Whether a new instance may not have the failure."""
        return self in {FailureCause.INSTANCE, FailureCause.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class ErrorRef:
    """A reference to an error in documents and health checks."""

    code: str
    cause: FailureCause


class ClawbotError(Exception):
    """Base of all errors with a stable code.

    Args:
        message: what happened and on what; one line, no secret.
        hint: what to do next; the class's hint when omitted.
    """

    code: ClassVar[str]
    cause: ClassVar[FailureCause] = FailureCause.UNCERTAIN
    retry: ClassVar[RetryPolicy] = NEVER
    hint: str = "run 'clawbot-agent logs' for the events around this error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint

    @classmethod
    def ref(cls) -> ErrorRef:
        """Return the code and the cause of this class."""
        return ErrorRef(cls.code, cls.cause)

    @property
    def retryable(self) -> bool:
        """Whether a retry can help."""
        return self.retry.within > 0

    @property
    def message(self) -> str:
        """What happened, on what."""
        return str(self.args[0])


class DeadlineExceededError(ClawbotError):
    """The time limit of a stage, or of the whole run, is over."""

    code = "DEADLINE_EXCEEDED"
    cause = FailureCause.UNCERTAIN
    hint = "fix the last error before the deadline, then run 'clawbot-agent run' to continue"


class InterruptedRunError(ClawbotError):
    """The run was interrupted (SIGTERM or SIGINT)."""

    code = "INTERRUPTED"
    cause = FailureCause.UNCERTAIN
    hint = "run 'clawbot-agent run --stage all' to continue where it stopped"


class UnexpectedError(ClawbotError):
    """A defect in the agent: an unexpected exception."""

    code = "UNEXPECTED"
    cause = FailureCause.UNCERTAIN
    hint = "report this bug of clawbot-agent with the traceback in events.jsonl"
