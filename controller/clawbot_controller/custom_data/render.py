"""Custom data: the one text from which an instance makes itself a bot.

Azure hands it to cloud-init at the first boot. It stays readable to root on the instance and to
whoever may read the scale set's model, so it holds names of secrets and never secrets.
"""

import base64
import gzip
import hashlib
import shlex
from typing import Final

import yaml
from jinja2 import Environment, StrictUndefined

from clawbot_agent.config.model import BotConfig
from clawbot_controller.custom_data.agent_source import AgentSource
from clawbot_controller.custom_data.assets import BOOTSTRAP, CUSTOM_DATA_TEMPLATE, asset
from clawbot_controller.errors import CustomDataTooLargeError

__all__ = ["LIMIT", "custom_data_digest", "render_custom_data"]

# bytes; Azure takes 65,535, but a small text is one that somebody reads
LIMIT: Final = 16 * 1024
# a byte in the header of gzip, and what it is for every machine
_SYSTEM: Final = 9
_UNKNOWN_SYSTEM: Final = 255


def render_custom_data(config: BotConfig, agent: AgentSource) -> str:
    """The custom data of one bot; the same arguments always give the same bytes.

    Raises:
        CustomDataTooLargeError: it would be larger than `LIMIT`.
        AssetMissingError: the controller is not completely installed.
    """
    text = _rendered(config, agent, bootstrap=_packed(asset(BOOTSTRAP)))
    if (size := len(text.encode())) > LIMIT:
        msg = f"the custom data of {config.name} would be {size} bytes, more than {LIMIT}"
        raise CustomDataTooLargeError(msg)
    return text


def custom_data_digest(config: BotConfig, agent: AgentSource) -> str:
    """SHA-256 of the custom data with bootstrap.sh unpacked.

    Two builds of zlib pack the same text into other bytes, which mean no other model.

    Raises:
        AssetMissingError: the controller is not completely installed.
    """
    script = hashlib.sha256(asset(BOOTSTRAP)).hexdigest()
    return hashlib.sha256(_rendered(config, agent, bootstrap=script).encode()).hexdigest()


def _rendered(config: BotConfig, agent: AgentSource, *, bootstrap: str) -> str:
    environment = Environment(  # noqa: S701 - YAML, not HTML; every value is validated or encoded
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    template = environment.from_string(asset(CUSTOM_DATA_TEMPLATE).decode())
    return template.render(
        name=config.name,
        config=_canonical(config).rstrip(),
        bootstrap=bootstrap,
        arguments=shlex.join(agent.arguments),
    )


def _canonical(config: BotConfig) -> str:
    """What the operator set, and no default: those are the business of the agent's version.

    Not the operator's file itself, because a comment in it may say anything.
    """
    chosen = config.model_dump(mode="json", exclude_unset=True)
    text: str = yaml.safe_dump(chosen, sort_keys=False)
    return text


def _packed(content: bytes) -> str:
    # without the time, and with "unknown" for the system, which versions of Python fill in
    # differently (RFC 1952)
    packed = bytearray(gzip.compress(content, mtime=0))
    packed[_SYSTEM] = _UNKNOWN_SYSTEM
    return base64.b64encode(packed).decode()
