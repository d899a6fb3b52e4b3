"""A YAML reader for untrusted size and shape: plain data, no aliases, no duplicate keys."""

from typing import Any, Final, NoReturn

import yaml

from clawbot_agent.config.problems import ConfigError, Problem, path_of, shown

_MAX_DEPTH: Final = 20
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
TOP: Final = "(top level)"


class _Refused(yaml.MarkedYAMLError):
    """Something YAML allows and a configuration does not."""


def _refuse(problem: str, mark: yaml.Mark | None) -> NoReturn:
    raise _Refused(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """SafeLoader that cannot be made to recurse, to multiply or to fail in another way."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401  # PyYAML's own signature
        if self.check_event(yaml.AliasEvent):
            # aliases of aliases grow without bound, and a configuration this small needs none
            _refuse("aliases (*name) are not supported", self.event_mark())
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            _refuse(f"nested more than {_MAX_DEPTH} levels deep", self.event_mark())
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def event_mark(self) -> yaml.Mark:
        """Return where the next node begins."""
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # stub
        return mark

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002  # PyYAML's own signature
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError, KeyError, IndexError):
            # SafeLoader lets int(), float() and date() fail: 2026-99-99, 0b_, 9,999 digits
            _refuse("a value that looks like a number or a date but is none", node.start_mark)


def read_yaml(text: str) -> dict[str, Any]:
    """Return the mapping in a YAML document.

    Raises:
        ConfigError: not YAML (with line and column), not a mapping, or a key given twice.
    """
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(error, mark=None)]) from error
    try:
        return _read(loader)
    # the scanner lets chr() fail on "\\UFFFFFFFF"
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigError([_syntax_problem(error, mark=loader.get_mark())]) from error
    finally:
        loader.dispose()


def _read(loader: _Loader) -> dict[str, Any]:
    node = loader.get_single_node()
    if node is None:
        raise ConfigError([Problem(TOP, "is empty; `clawbot-agent config example` prints one")])
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([Problem(TOP, "must be a mapping of keys such as `name: my-bot`")])
    problems = _key_problems(node, ())
    if problems:
        raise ConfigError(problems)
    data: dict[str, Any] = loader.construct_document(node)
    return data


def _syntax_problem(error: Exception, *, mark: yaml.Mark | None) -> Problem:
    what = "a value that cannot be read"
    prefix = "" if isinstance(error, _Refused) else "not valid YAML: "
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark or mark
        what = error.problem or error.context or "unreadable"
    elif isinstance(error, yaml.reader.ReaderError):
        what = f"a character that is not allowed in YAML (number {error.position + 1})"
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else TOP
    # PyYAML quotes the document in its messages
    return Problem(where, f"{prefix}{what.encode('unicode_escape').decode()[:200]}")


def _key_problems(node: yaml.Node, path: tuple[str | int, ...]) -> list[Problem]:
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [found for index, item in items for found in _key_problems(item, (*path, index))]
    if not isinstance(node, yaml.MappingNode):
        return []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT_TAG:
            what = shown(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            where = path_of(path) or TOP
            problems.append(Problem(where, f"keys must be plain words, not {what} (line {line})"))
            continue
        here = (*path, key.value)
        if key.value in lines:
            both = f"lines {lines[key.value]} and {line}"
            problems.append(Problem(path_of(here), f"is given twice ({both})"))
        lines[key.value] = line
        problems += _key_problems(value, here)
    return problems
