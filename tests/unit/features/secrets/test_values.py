import pytest

from clawbot_agent.core.secret import Secret
from clawbot_agent.features.secrets.values import (
    GatewayTokenWeakError,
    OpenClawFragmentInvalidError,
    gateway_token,
    openclaw_fragment,
)

GOOD = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize("value", [GOOD, f"{GOOD}\n", f"  {GOOD}\r\n"])
def test_valid_token_is_stripped_of_white_space(value: str) -> None:
    """'az keyvault secret set --file' includes the file's final newline."""
    assert gateway_token(Secret(value), name="token").reveal() == GOOD


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("short-token-of-23-chars", "23 characters"),
        (" " * 30, "0 characters"),
        ("null", "4 characters"),
        ("change-me-to-a-long-random-token", "documentation"),
        ("a" * 40, "1 different"),
        (f"{GOOD} {GOOD}", "HTTP header"),
        (f"{GOOD}\n{GOOD}", "HTTP header"),
        (f"{GOOD}é", "HTTP header"),
    ],
)
def test_guessable_or_unusable_token_is_refused(value: str, why: str) -> None:
    """The message names reason and secret, and does not quote the value."""
    with pytest.raises(GatewayTokenWeakError, match=why) as caught:
        gateway_token(Secret(value), name="my-token")
    assert "my-token" in caught.value.message
    assert value not in caught.value.message
    assert not caught.value.retryable


@pytest.mark.parametrize("text", ["{}", '{"agents": {"list": []}}', ' {"a": 1}\n'])
def test_json_object_is_a_valid_fragment(text: str) -> None:
    """Its text is not changed."""
    assert openclaw_fragment(Secret(text), name="fragment").reveal() == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "a JSON list"),
        ('"text-value"', "a JSON str"),
        ("null", "a JSON NoneType"),
        ('{"key-one": "value-one",\n oops}', "not JSON at line 2"),
        ('{"a": NaN}', "not JSON"),
        ('{"a":' * 200_000, "nested too deeply"),
    ],
)
def test_other_fragments_are_refused_without_being_quoted(text: str, why: str) -> None:
    """Not even near the error: the text there may be a channel's token."""
    with pytest.raises(OpenClawFragmentInvalidError, match=why) as caught:
        openclaw_fragment(Secret(text), name="my-fragment")
    assert "my-fragment" in caught.value.message
    assert "value" not in caught.value.message
    assert caught.value.__cause__ is None
