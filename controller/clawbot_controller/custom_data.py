"""Custom data: `bootstrap.sh` and the configuration, rendered for cloud-init's first boot.

The text is readable by root on the instance and by any Azure identity that may read the scale
set's model, so it contains the names of secrets and never their values.
"""

import base64
import gzip
import hashlib
import re
import shlex
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import yaml
from jinja2 import Environment, StrictUndefined

from clawbot_agent.config.model import BotConfig
from clawbot_controller.errors import AgentSourceError, AssetMissingError, CustomDataTooLargeError

# bytes; Azure accepts 65,535, but a small text can be read by the operator
LIMIT: Final = 16 * 1024
BOOTSTRAP: Final = "bootstrap.sh"
TEMPLATE: Final = "packaging/custom-data.yaml.j2"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_DISTRIBUTION: Final = "clawbot-agent"
# no query: a URL that needs one is signed, and custom data must not contain a secret
_LOCATION: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]+)+\.(tar|whl)"
    r"|(/[A-Za-z0-9._~+-]+)+\.(tar|whl)"
    r"|clawbot-agent==[0-9][0-9A-Za-z.!+]*"
)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# offset of the operating system in a gzip header, and the value for "unknown" (RFC 1952)
_GZIP_SYSTEM: Final = 9
_GZIP_UNKNOWN: Final = 255


def is_location(text: str) -> bool:
    """Return whether `bootstrap.sh` can install an agent from this location."""
    return _LOCATION.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class AgentSource:
    """The agent that `bootstrap.sh` installs.

    Attributes:
        location: URL or absolute path on the instance of a release archive (.tar) or of the
            agent's wheel (.whl), or `clawbot-agent==VERSION` on PyPI.
        sha256: 64 lower-case hexadecimal digits.

    Raises:
        AgentSourceError: `location` or `sha256` is malformed.
    """

    location: str
    sha256: str

    def __post_init__(self) -> None:
        """Refuse on the operator's computer what bootstrap.sh would refuse on the instance."""
        if not is_location(self.location):
            msg = f"{self.location[:200]!r}: names no agent to install"
            raise AgentSourceError(msg)
        if not _SHA256.fullmatch(self.sha256):
            msg = f"{self.sha256[:80]!r}: not a SHA-256 in lower-case hexadecimal"
            raise AgentSourceError(msg)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments for bootstrap.sh."""
        return ("--sha256", self.sha256, self.location)


def render_custom_data(config: BotConfig, agent: AgentSource) -> str:
    """Return the custom data of one bot; the same arguments always give the same bytes.

    Raises:
        CustomDataTooLargeError: it exceeds `LIMIT`.
        AssetMissingError: the controller is not completely installed.
    """
    text = _render(config, agent, bootstrap=_compressed(asset(BOOTSTRAP)))
    if (size := len(text.encode())) > LIMIT:
        msg = f"custom data of {config.name}: {size} bytes, more than {LIMIT}"
        raise CustomDataTooLargeError(msg)
    return text


def custom_data_digest(config: BotConfig, agent: AgentSource) -> str:
    """Return the SHA-256 of the custom data with bootstrap.sh uncompressed.

    Builds of zlib compress the same text to different bytes; that is no change of the model.

    Raises:
        AssetMissingError: the controller is not completely installed.
    """
    script = hashlib.sha256(asset(BOOTSTRAP)).hexdigest()
    return hashlib.sha256(_render(config, agent, bootstrap=script).encode()).hexdigest()


def asset(name: str) -> bytes:
    """Return a non-Python file of the controller, named as in a checkout.

    In an installation it is in the wheel's `share/clawbot`.

    Raises:
        AssetMissingError: it is neither in a checkout around this module nor installed.
    """
    paths = [_CHECKOUT / name, *_installed(f"share/clawbot/{Path(name).name}")]
    for path in paths:
        if path.is_file():
            return path.read_bytes()
    msg = f"{name}: not found in {', '.join(map(str, paths))}"
    raise AssetMissingError(msg)


def _installed(suffix: str) -> list[Path]:
    # not by sys.prefix: pip --user installs a wheel's data files elsewhere
    try:
        files = metadata.distribution(_DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.as_posix().endswith(f"/{suffix}")]


def _render(config: BotConfig, agent: AgentSource, *, bootstrap: str) -> str:
    # without the operator's comments, and without defaults, which depend on the agent's version
    explicit = config.model_dump(mode="json", exclude_unset=True)
    environment = Environment(  # noqa: S701 - YAML, not HTML; every value is validated or encoded
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    return environment.from_string(asset(TEMPLATE).decode()).render(
        name=config.name,
        config=yaml.safe_dump(explicit, sort_keys=False).rstrip(),
        bootstrap=bootstrap,
        arguments=shlex.join(agent.arguments),
    )


def _compressed(content: bytes) -> str:
    # no time stamp, and "unknown" as the system: versions of Python fill it in differently
    compressed = bytearray(gzip.compress(content, mtime=0))
    compressed[_GZIP_SYSTEM] = _GZIP_UNKNOWN
    return base64.b64encode(compressed).decode()
