"""Text from the templates in the agent's package."""

from importlib.resources import files
from typing import Any

__all__ = ["render"]


def render(package: str, template: str, **values: Any) -> str:  # noqa: ANN401 - values of any type
    """Return the text of `template`, a file in `package`; a missing value is a defect."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - 36 ms that 'status' must not pay

    environment = Environment(  # noqa: S701 - configuration files, not HTML; the values are validated
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    source = files(package).joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(source).render(**values)
