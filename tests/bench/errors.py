"""The bench's exception for errors that its user can act on."""


class BenchError(Exception):
    """An operation of the bench failed; the message gives the reason and the next step."""
