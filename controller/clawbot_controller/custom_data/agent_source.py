"""Which agent an instance installs: where it comes from, and the hash that pins it."""

import re
from dataclasses import dataclass
from typing import Final

from clawbot_controller.errors import AgentSourceError

__all__ = ["AgentSource", "is_location"]

# no query: what needs one is a signed address, and custom data is no place for a secret
_SOURCES: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]+)+\.(tar|whl)"
    r"|(/[A-Za-z0-9._~+-]+)+\.(tar|whl)"
    r"|clawbot-agent==[0-9][0-9A-Za-z.!+]*"
)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def is_location(text: str) -> bool:
    """Whether it names something that bootstrap.sh can install."""
    return _SOURCES.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class AgentSource:
    """What bootstrap.sh is to install.

    Attributes:
        location: address or absolute path on the instance of a release archive (.tar) or
            of the agent's wheel (.whl), or `clawbot-agent==VERSION` on PyPI.
        sha256: of what `location` names, 64 lower-case hexadecimal digits.

    Raises:
        AgentSourceError: one of them is of no such form.
    """

    location: str
    sha256: str

    def __post_init__(self) -> None:
        """Refuse what bootstrap.sh would refuse, but here, where somebody reads it."""
        if not is_location(self.location):
            msg = f"{self.location[:200]!r} names no agent to install"
            raise AgentSourceError(msg)
        if not _SHA256.fullmatch(self.sha256):
            msg = f"{self.sha256[:80]!r} is no SHA-256 in lower-case hexadecimal"
            raise AgentSourceError(msg)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of bootstrap.sh."""
        return ("--sha256", self.sha256, self.location)
