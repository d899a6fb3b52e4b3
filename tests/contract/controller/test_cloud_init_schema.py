"""Custom data is valid by cloud-init's schema."""

from typing import Any

import jsonschema
import pytest
import yaml

from clawbot_agent.config.documents import example_text
from clawbot_agent.config.load import parse_config
from clawbot_controller.custom_data import AgentSource, render_custom_data
from tests.bench.bench import HOME
from tests.bench.cache import Cache
from tests.support import cloud_init


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(cloud_init.schema(Cache(HOME / "cache")))


@pytest.fixture
def document() -> dict[str, Any]:
    agent = AgentSource("https://example.org/clawbot-agent-1-x86_64.tar", "0" * 64)
    text = render_custom_data(parse_config(example_text()), agent)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_custom_data_is_valid(
    validator: jsonschema.Draft4Validator, document: dict[str, Any]
) -> None:
    assert [error.message for error in validator.iter_errors(document)] == []


def test_schema_refuses_invalid_custom_data(
    validator: jsonschema.Draft4Validator, document: dict[str, Any]
) -> None:
    """The test above can fail."""
    document["write_files"][0]["encoding"] = "gzip64"
    document["write_files"][1]["mode"] = "0755"
    wrong = {str(error.path[1]) for error in validator.iter_errors(document)}
    assert wrong == {"0", "1"}
