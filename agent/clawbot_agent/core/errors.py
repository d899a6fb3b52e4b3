"""Typed errors: what happened, on what, what to do next, and whether waiting helps.

Every error that an operator can meet derives from `ClawbotError` and has a stable
`code`. The classes live beside the code that raises them; this module holds the base
and the retry policies, because whether and how long to retry belongs to the class of
the error and not to the place of the call.
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
    """How long one class of error is worth waiting for.

    The waits are drawn at random from an exponentially growing window, so that many
    bots that fail together do not come back together.

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
    """Where a failure comes from, which decides whether a new instance would be better off.

    A replacement brings a fresh machine and a fresh disk. It brings the same configuration, roles,
    secrets and bot data, and meets the same services.
    """

    INSTANCE = "instance"
    """This machine, or its disk."""
    UNCERTAIN = "uncertain"
    """Several causes look alike; after two instances with the same error replacement stops."""
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
        """Whether the failure may be gone on a new instance."""
        return self in {FailureCause.INSTANCE, FailureCause.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class ErrorRef:
    """An error as documents and health checks refer to it."""

    code: str
    cause: FailureCause


class ClawbotError(Exception):
    """Base of all errors with a stable code.

    Args:
        message: what happened and on what; one line, no secret.
        hint: what the operator does next; the class's own hint when omitted.
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
        """Code and cause of this class."""
        return ErrorRef(cls.code, cls.cause)

    @property
    def retryable(self) -> bool:
        """Whether waiting and trying again can help."""
        return self.retry.within > 0

    @property
    def message(self) -> str:
        """The text given by the raiser."""
        return str(self.args[0])


class DeadlineExceededError(ClawbotError):
    """The time set for a stage or for the whole run is used up."""

    code = "DEADLINE_EXCEEDED"
    cause = FailureCause.UNCERTAIN
    hint = "the last error before the deadline tells the cause; 'clawbot-agent run' continues"


class InterruptedRunError(ClawbotError):
    """The run was told to stop (SIGTERM or SIGINT)."""

    code = "INTERRUPTED"
    cause = FailureCause.UNCERTAIN
    hint = "run 'clawbot-agent run --stage all' to continue where it stopped"


class UnexpectedError(ClawbotError):
    """A defect in the agent: an exception that no stage foresaw."""

    code = "UNEXPECTED"
    cause = FailureCause.UNCERTAIN
    hint = "this is a bug in clawbot-agent; the traceback is in events.jsonl"
