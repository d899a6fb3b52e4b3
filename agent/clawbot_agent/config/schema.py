"""The configuration's JSON Schema, for editors and for the controller."""

import json
from typing import Any, Final

from clawbot_agent.config.model import BotConfig

SCHEMA_ID: Final = "urn:clawbot-agent:schema:config:1"


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12). It knows every key and type, not the cross-checks."""
    document = BotConfig.model_json_schema(mode="validation")
    # whether it may be left out depends on other sections
    document["required"] = [key for key in document["required"] if key != "azure"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **document,
    }


def schema_text() -> str:
    """Return the schema as indented JSON, ending with a newline."""
    return json.dumps(config_schema(), indent=2) + "\n"
