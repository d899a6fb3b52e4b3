import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawbot_agent.core.secret import Redactor, Secret

# what a vault can hold; the mask's own letters would be found in the mask
VALUES = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="REDACT[]"), min_size=6, max_size=40
)


def redactor(*values: str) -> Redactor:
    made = Redactor()
    for value in values:
        made.add(Secret(value))
    return made


@given(value=VALUES)
def test_secret_does_not_show(value: str) -> None:
    """Neither in repr nor in str nor formatted."""
    secret = Secret(value)
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), repr({"x": secret})):
        assert shown.replace("Secret(***)", "") in {"", "[]", "{'x': }"}
    assert secret.reveal() == value


def test_secrets_compare_by_value() -> None:
    assert Secret("abc") == Secret("abc")
    assert Secret("abc") != Secret("abd")
    assert Secret("abc") != "abc"
    assert len({Secret("abc"), Secret("abc")}) == 1


def test_secret_cannot_be_given_attributes() -> None:
    """Nothing hangs a plain copy on it."""
    with pytest.raises(AttributeError):
        Secret("abc").plain = "abc"  # type: ignore[attr-defined]  # the point


@given(values=st.lists(VALUES, min_size=1, max_size=4), before=st.text(), after=st.text())
def test_known_values_are_masked(values: list[str], before: str, after: str) -> None:
    """Plain, in a URL, in JSON, in base64, in a line with others."""
    known = redactor(*values)
    for value in values:
        for form in (
            value,
            quote(value, safe=""),
            json.dumps(value),
            json.dumps(value, ensure_ascii=False),
            repr(value),
            base64.b64encode(value.encode()).decode(),
        ):
            scrubbed = known.scrub(f"{before}{form}{after}{form}")
            assert form not in scrubbed


@given(text=st.text())
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert redactor("canary-in-the-coal-mine").scrub(text) == text


def test_every_string_inside_a_json_secret_is_known() -> None:
    """A fragment of openclaw.json holds the tokens of channels."""
    known = redactor(json.dumps({"channels": [{"token": "123456:inner-token"}, {"n": 5}]}))
    assert known.scrub("sent 123456:inner-token") == "sent [REDACTED]"


def test_longer_secrets_are_masked_first() -> None:
    """One that contains another is masked whole."""
    known = redactor("secret-value", "secret-value-longer")
    assert known.scrub("it is secret-value-longer.") == "it is [REDACTED]."


def test_very_short_values_are_not_masked() -> None:
    """They occur by chance, and would garble every message."""
    assert redactor("a", "true", "").scrub("a true story") == "a true story"


def test_adding_twice_changes_nothing() -> None:
    assert redactor("secret-value", "secret-value").scrub("secret-value") == "[REDACTED]"


def test_ordinary_words_of_a_configuration_stay_readable() -> None:
    """Short values count as secrets only where the key says so."""
    redactor = Redactor()
    fragment = {"backend": "docker", "auth": {"password": "hunter2"}, "name": "x" * 12}
    redactor.add(Secret(json.dumps(fragment)))
    scrubbed = redactor.scrub(f"systemctl status docker, hunter2, {'x' * 12}")
    assert scrubbed == "systemctl status docker, [REDACTED], [REDACTED]"
