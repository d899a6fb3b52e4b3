"""References to errors by code, with the failure cause of each class."""

import functools
from collections.abc import Mapping

from clawbot_agent.core.errors import ErrorRef
from tests.support.error_reference import classes


@functools.cache
def _known() -> Mapping[str, ErrorRef]:
    return {cls.code: cls.ref() for cls in classes()}


def error_refs(*codes: str) -> tuple[ErrorRef, ...]:
    """Return references to the errors with these codes.

    Raises:
        KeyError: the agent has no such error.
    """
    return tuple(_known()[code] for code in codes)


def cause_of(code: str) -> str:
    """Return the failure cause of a code, as spelled in documents."""
    return _known()[code].cause.value
