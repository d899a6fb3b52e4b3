"""Replacement of an instance: remembers failures on the share, limits further replacements."""
