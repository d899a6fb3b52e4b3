"""The one exception the bench raises for things its user can understand."""


class BenchError(Exception):
    """The bench cannot do what was asked; the message says why and what to try."""
