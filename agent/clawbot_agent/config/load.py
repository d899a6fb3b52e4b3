"""Reading a BotConfig from a file or a string."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from clawbot_agent.config.model import BotConfig
from clawbot_agent.config.problems import ConfigError, Problem, shown
from clawbot_agent.config.reader import TOP, read_yaml
from clawbot_agent.config.wording import problems_of

MAX_BYTES: Final = 64 * 1024


def parse_config(text: str) -> BotConfig:
    """Return the configuration in a YAML text.

    Raises:
        ConfigError: whatever is wrong with it; nothing else, for any text.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError([_too_large(TOP)])
    try:
        return BotConfig.model_validate(read_yaml(text))
    except ValidationError as error:
        raise ConfigError(problems_of(error, model=BotConfig)) from error


def load_config(path: Path) -> BotConfig:
    """Return the configuration in a file of at most 64 KiB of UTF-8.

    Raises:
        ConfigError: the file cannot be read, or whatever is wrong with its content.
    """
    return parse_config(read_text(path))


def read_text(path: Path) -> str:
    """Return the text of a file of at most 64 KiB of UTF-8.

    Raises:
        ConfigError: the file cannot be read, is larger, or is no such text.
    """
    # a path from the command line may hold anything; an error is one printable line
    name = str(path) if str(path).isprintable() else shown(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError([Problem(name, f"cannot be read: {reason}")]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError([_too_large(name)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(name, f"must be UTF-8 text (byte {error.start + 1} is not)")
        raise ConfigError([problem]) from error


def _too_large(path: str) -> Problem:
    return Problem(path, f"is larger than {MAX_BYTES // 1024} KiB; a configuration never is")
