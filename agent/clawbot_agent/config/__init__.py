"""The bot's configuration: one schema, its loading, its errors and its documentation.

Deliberately re-exports nothing: `problems` must be importable without loading pydantic.
"""
