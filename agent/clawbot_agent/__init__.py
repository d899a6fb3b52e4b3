"""Turns one bare Ubuntu instance into a healthy, locked-down OpenClaw bot, and proves it."""

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.2.0.dev0"
