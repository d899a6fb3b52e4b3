"""The deployment file as an example and as a JSON Schema, generated so that they cannot drift."""

import json
from typing import Final

from clawbot_agent.config.documents import config_schema, section_lines
from clawbot_controller.deployment.target import Target

__all__ = ["SCHEMA_ID", "example_text", "schema_text"]

SCHEMA_ID: Final = "urn:clawbot-agent:schema:deployment:1"
_HEAD: Final = """\
# One bot in Azure: `clawbot-controller plan FILE` shows what would be made of it.
# It holds names of secrets, never secrets.

# The bot itself: the agent's configuration. `clawbot-agent config example` shows every key; the
# identity, the vault, the share and the secrets' names are filled in by the controller.
bot:
  # required: name of the bot: 3 to 32 lower-case letters, digits and single dashes
  name: my-bot
  caddy:
    # DNS name to serve with automatic HTTPS; null = plain HTTP on port 80
    domain: null

# Where in Azure it is and what it runs on. Keys marked "required" have no default.
azure:
"""


def example_text() -> str:
    """Return a commented deployment file, which passes `check`."""
    return _HEAD + "\n".join(section_lines(Target, indent="  ")) + "\n"


def schema_text() -> str:
    """Return the JSON Schema (2020-12) as indented JSON; it does not know the cross-checks."""
    bot = config_schema()
    target = Target.model_json_schema(mode="validation")
    definitions = {**bot.pop("$defs", {}), **target.pop("$defs", {})}
    for key in ("$schema", "$id"):
        del bot[key]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "type": "object",
        "additionalProperties": False,
        "required": ["bot", "azure"],
        "properties": {"bot": bot, "azure": target},
        "$defs": definitions,
    }
    return json.dumps(document, indent=2) + "\n"
