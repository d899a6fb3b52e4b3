"""Custom data: the one text from which an instance makes itself a bot.

Azure hands it to cloud-init at the first boot. It stays readable to root on the instance and to
whoever may read the scale set's model, so it holds names of secrets and never secrets.
"""

import base64
import gzip
import shlex
from typing import Final

import yaml
from jinja2 import Environment, StrictUndefined

from clawbot_agent.config.model import BotConfig
from clawbot_controller.agent_source import AgentSource
from clawbot_controller.assets import BOOTSTRAP, CUSTOM_DATA_TEMPLATE, asset
from clawbot_controller.errors import CustomDataTooLargeError

__all__ = ["LIMIT", "render_custom_data"]

# bytes; Azure takes 65,535, but a small text is one that somebody reads
LIMIT: Final = 16 * 1024


def render_custom_data(config: BotConfig, agent: AgentSource) -> str:
    """The custom data of one bot; the same arguments always give the same bytes.

    Raises:
        CustomDataTooLargeError: it would be larger than `LIMIT`.
        AssetMissingError: the controller is not completely installed.
    """
    environment = Environment(  # noqa: S701 - YAML, not HTML; every value is validated or encoded
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    template = environment.from_string(asset(CUSTOM_DATA_TEMPLATE).decode())
    text = template.render(
        name=config.name,
        config=_canonical(config).rstrip(),
        bootstrap=_packed(asset(BOOTSTRAP)),
        arguments=shlex.join(agent.arguments),
    )
    if (size := len(text.encode())) > LIMIT:
        msg = f"the custom data of {config.name} would be {size} bytes, more than {LIMIT}"
        raise CustomDataTooLargeError(msg)
    return text


def _canonical(config: BotConfig) -> str:
    """What the operator set, and no default: those are the business of the agent's version.

    Not the operator's file itself, because a comment in it may say anything.
    """
    chosen = config.model_dump(mode="json", exclude_unset=True)
    text: str = yaml.safe_dump(chosen, sort_keys=False)
    return text


def _packed(content: bytes) -> str:
    # without the time, or every rendering would be another model of the scale set
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
