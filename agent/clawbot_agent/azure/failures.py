"""What the Azure SDKs' exceptions hide: why there was no answer, and what an answer's code is."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

__all__ = ["NoAnswer", "no_answer"]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a call got no answer.

    Attributes:
        tls: whether somebody answered whose certificate is not trusted.
        why: in the system's own words; holds neither token nor secret.
    """

    tls: bool
    why: str


def no_answer(error: "AzureError") -> NoAnswer:
    """The innermost cause that says something."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(tls=True, why=cause.verify_message)
    system = next((c for c in causes if isinstance(c, OSError) and c.errno is not None), None)
    if system is not None:
        return NoAnswer(tls=False, why=str(system.strerror))
    # a server that hangs up or stays silent makes an error without a number
    plain = next((c for c in causes if isinstance(c, ConnectionError | TimeoutError)), None)
    return NoAnswer(tls=False, why=type(error).__name__ if plain is None else str(plain))


def _causes(error: BaseException) -> Iterator[BaseException]:
    # requests and urllib3 keep the cause in `args` or `reason`, azure-core in `inner_exception`
    seen: list[BaseException] = []
    todo: list[Any] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        inner = (getattr(one, name, None) for name in ("inner_exception", "reason"))
        todo += [*inner, *one.args, one.__cause__, one.__context__]
