"""Loading a file of any content either works or raises ConfigError."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from clawbot_agent.config.load import all_keys, parse_config, section_of
from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.problems import ConfigError
from tests.unit.config.test_load import MINIMAL

KEYS = sorted({path.rpartition(".")[2] for path in all_keys(BotConfig)})
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=40)
    | st.sampled_from(["node:24-slim", "172.20.0.1/16", "build", "a.example", "/srv/a", "3g"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
SECTIONS = st.dictionaries(st.sampled_from(sorted(BotConfig.model_fields)), VALUES, max_size=6)


def load_or_config_error(text: str) -> None:
    problems = None
    try:
        parse_config(text)
    except ConfigError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(str(problem).isprintable() for problem in problems or ())


@given(st.text(max_size=300))
def test_arbitrary_text_never_raises_anything_else(text: str) -> None:
    load_or_config_error(text)


@given(st.text(alphabet="{}[]:,&*!|>-#'\"\\ \n\t0123456789abxU_.<=~?%@", max_size=80))
def test_arbitrary_yaml_syntax_never_raises_anything_else(text: str) -> None:
    load_or_config_error(text)


@given(SECTIONS)
def test_arbitrary_values_never_raise_anything_else(data: dict[str, Any]) -> None:
    load_or_config_error(yaml.safe_dump({**MINIMAL, **data}, allow_unicode=True))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes) -> None:
    load_or_config_error(data.decode("latin-1"))


def text_keys() -> Iterator[tuple[str, ...]]:
    def walk(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, field in model.model_fields.items():
            inner = section_of(field.annotation)
            if inner is not None:
                yield from walk(inner, (*above, name))
            elif "str" in str(field.annotation) or "Literal" in str(field.annotation):
                yield (*above, name)

    return walk(BotConfig, ())


@pytest.mark.parametrize("keys", list(text_keys()), ids=".".join)
@pytest.mark.parametrize("bad", ["\n", "\x00", "\x1b", "\x7f", "\u2028"])
def test_control_characters_are_refused(keys: tuple[str, ...], bad: str) -> None:
    example = parse_config(yaml.safe_dump(dict(MINIMAL))).model_dump(mode="json")
    section = example
    for key in keys[:-1]:
        section = section[key]
    value = section[keys[-1]]
    bad_text = f"{value if isinstance(value, str) else 'a.example'}{bad}"
    section[keys[-1]] = [bad_text] if isinstance(value, list) else bad_text
    with pytest.raises(ConfigError):
        parse_config(yaml.safe_dump(example))
