"""The configuration as documents: an example, the effective values, and a JSON Schema."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from clawbot_agent.config.load import section_of
from clawbot_agent.config.model import BotConfig

_WIDTH: Final = 96
_HEADER: Final = """\
# Configuration of one bot: /etc/clawbot/config.yaml on the instance.
# Every key is shown with its default; keys marked "required" have none.
# It contains names of secrets, never secrets.

"""


def example_text() -> str:
    """Return a commented configuration with every key, which passes `config check`."""
    return _HEADER + "\n".join(section_lines(BotConfig, indent="")) + "\n"


def effective_text(config: BotConfig) -> str:
    """Return a configuration with all its defaults as YAML."""
    text: str = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text


def section_lines(model: type[BaseModel], *, indent: str) -> Iterator[str]:
    """Yield a section's keys with their defaults, each below its description."""
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is not None and not indent:
            yield ""
        required = field.is_required() and inner is None
        yield from _comment(_description(field), required=required, indent=indent)
        if inner is not None:
            yield f"{indent}{name}:"
            yield from section_lines(inner, indent=f"{indent}  ")
        else:
            yield f"{indent}{name}: {_scalar(_sample(field))}"


def _description(field: FieldInfo) -> str:
    section = section_of(field.annotation)
    return field.description or (section.__doc__ if section and section.__doc__ else "").strip()


def _comment(text: str, *, required: bool, indent: str) -> Iterator[str]:
    start = f"{indent}# "
    full = f"required: {text}" if required else text
    yield from textwrap.wrap(full, _WIDTH, initial_indent=start, subsequent_indent=start)


def _sample(field: FieldInfo) -> Any:  # noqa: ANN401  # a default is of any type
    if field.is_required():
        return (field.examples or [None])[0]
    if isinstance(field.default, tuple):
        return [
            item.model_dump(mode="json") if isinstance(item, BaseModel) else item
            for item in field.default
        ]
    return field.default


def _scalar(value: Any) -> str:  # noqa: ANN401  # a default is of any type
    if isinstance(value, list):
        # flow style; JSON is YAML
        return json.dumps(value)
    text: str = yaml.safe_dump(value, default_flow_style=True)
    return text.splitlines()[0]


SCHEMA_ID: Final = "urn:clawbot-agent:schema:config:1"


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12): all keys and types, without the cross-checks."""
    document = BotConfig.model_json_schema(mode="validation")
    # whether it is optional depends on other sections
    document["required"] = [key for key in document["required"] if key != "azure"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **document,
    }


def schema_text() -> str:
    """Return the schema as indented JSON, ending with a newline."""
    return json.dumps(config_schema(), indent=2) + "\n"
