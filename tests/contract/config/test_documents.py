"""Example, effective configuration and schema agree with what loading accepts."""

import itertools
import json

import jsonschema
import pytest
import yaml

from clawbot_agent.config.documents import config_schema, effective_text, example_text, schema_text
from clawbot_agent.config.load import all_keys, parse_config
from clawbot_agent.config.model import BotConfig


def test_example_passes_check_and_holds_every_key() -> None:
    data = yaml.safe_load(example_text())
    parse_config(example_text())
    for path in all_keys(BotConfig):
        found = data
        for key in path.split("."):
            found = found[0][key] if isinstance(found, list) else found[key]


def test_every_key_of_the_example_has_a_comment() -> None:
    lines = example_text().splitlines()
    for before, line in itertools.pairwise(lines):
        assert not line or "#" in (line.strip()[0], before.strip()[:1])


def test_every_key_is_described() -> None:
    def described(model: dict[str, object]) -> None:
        properties = model.get("properties", {})
        assert isinstance(properties, dict)
        for name, field in properties.items():
            assert "description" in field or "$ref" in field, name

    schema = config_schema()
    described(schema)
    for section in schema["$defs"].values():
        described(section)


def test_effective_configuration_loads_to_itself() -> None:
    config = parse_config(example_text())
    assert parse_config(effective_text(config)) == config
    assert "base: node:24-trixie-slim" in effective_text(config)


def test_schema_is_valid_and_accepts_the_example() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(example_text()), schema)
    assert schema["$id"] == "urn:clawbot-agent:schema:config:1"
    assert schema["title"] == "BotConfig"


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 1},
        {"name": "x; rm"},
        {"caddy": {"domian": "x"}},
        {"openclaw": {"version": "latest"}},
        {"limits": {"run_deadline": 1}},
    ],
)
def test_schema_and_check_refuse_the_same(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(example_text()), **change}, config_schema())
