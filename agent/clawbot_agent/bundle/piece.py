"""One file of a bundle before it is redacted, and what tells how to get it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.host import Host

__all__ = ["LARGEST", "Ask", "Piece", "shortened"]

# characters of one piece; the newest ones are kept
LARGEST: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the bundle, by what brings it.

    Attributes:
        name: path in the bundle.
        read: its text; None when there is nothing. May raise a `ClawbotError`.
        seconds: that it may take.
        largest: characters; what is before them is left out.
    """

    name: str
    read: "Ask"
    seconds: float = 10.0
    largest: int = LARGEST


Ask = Callable[[Host, BotConfig | None], str | None]


def shortened(text: str, largest: int) -> str:
    """The end of `text`, from the beginning of a line."""
    if len(text) <= largest:
        return text
    _, _, kept = text[-largest:].partition("\n")
    return f"[{len(text) - len(kept)} characters before this are left out]\n{kept}"
