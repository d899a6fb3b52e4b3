"""One pattern for every error of both programs."""

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.text import error_text, shortened
from clawbot_agent.records.run import StageError


class _FullError(ClawbotError):
    """The disk is full."""

    code = "FULL"
    hint = "free disk space"


def test_error_has_code_message_and_hint() -> None:
    assert error_text(_FullError("/: 0 B left")) == "FULL: /: 0 B left\nnext: free disk space"


def test_error_in_a_record_has_the_same_text() -> None:
    error = _FullError("/: 0 B left", hint="delete files")
    assert error_text(StageError.of(error)) == error_text(error)


def test_message_is_on_one_line_with_a_width() -> None:
    error = _FullError("one\ntwo " + "x" * 100)
    assert error_text(error, between="; ", width=12) == "FULL: one two xxx…; next: free disk space"


def test_short_text_is_unchanged() -> None:
    assert shortened("one two", 7) == "one two"
