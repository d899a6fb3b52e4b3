"""What a fragment of openclaw.json must be like. Messages never quote it: it may hold secrets."""

import json
from typing import NoReturn

__all__ = ["json_object_problem"]


def json_object_problem(text: str) -> str:
    """Why it is no JSON object, without a word of what it holds; empty when it is one."""
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        # the parser's own message can quote the document; its place cannot
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        return f"is not JSON{where}"
    except RecursionError:
        return "is nested too deeply"
    if not isinstance(found, dict):
        return f"holds a JSON {type(found).__name__}, not an object"
    return ""


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)
