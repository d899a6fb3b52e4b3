"""The pages of the command lines have every command and option, and no other."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click
import pytest

from clawbot_agent.cli import main as agent
from clawbot_agent.cli.common import Exit as AgentExit
from clawbot_agent.features.lease.daemon import ExitStatus
from clawbot_controller.cli import main as controller
from clawbot_controller.cli.common import Exit as ControllerExit
from tests.support.doc_blocks import ROOT
from tests.support.doc_tables import Page, code_spans, every_page, shell_lines

PAGES: Final = {"clawbot-agent": "agent-cli.md", "clawbot-controller": "controller-cli.md"}
PROGRAMS: Final[dict[str, click.Command]] = {
    "clawbot-agent": agent,
    "clawbot-controller": controller,
}
OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
CALL: Final = re.compile(r"(?:^|[;&|'(] *|sudo )(clawbot-(?:agent|controller)) ([^|;&)<>']+)")
# options that click adds
COMMON: Final = frozenset({"-h", "--help", "--version"})
# shown as wrong usage
WRONG: Final = frozenset({"frobnicate"})
BOOTSTRAP: Final = (ROOT / "bootstrap.sh").read_text()


@dataclass(frozen=True)
class Verb:
    """A command of one of the programs, with the options of its own."""

    program: str
    name: str
    command: click.Command

    def __str__(self) -> str:
        """As typed."""
        return f"{self.program} {self.name}"

    @property
    def options(self) -> dict[str, click.Option]:
        """By each of their names."""
        return {
            name: one
            for one in self.command.params
            if isinstance(one, click.Option)
            for name in one.opts
        }


def verbs_of(program: str, command: click.Command, path: str = "") -> Iterator[Verb]:
    if not isinstance(command, click.Group):
        yield Verb(program, path, command)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from verbs_of(program, child, f"{path} {name}".strip())


VERBS: Final = [verb for name, main in PROGRAMS.items() for verb in verbs_of(name, main)]


def description(verb: Verb) -> str:
    """Return the section of a command; without one, its rows in tables."""
    page = Page.of(PAGES[verb.program])
    for heading, text in page.sections().items():
        if verb.name.split()[0] in heading.split() and " " not in verb.name:
            return text
    rows: list[str] = []
    for table in page.tables():
        with contextlib.suppress(KeyError):
            rows.append(" | ".join(table.row(verb.name)))
    assert rows, f"{page.name} does not describe {verb.name}"
    return "\n".join(rows)


def line_of(verb: Verb, option: str) -> str:
    """Return the row of an option, or the paragraph that names it."""
    parts = re.split(r"\n(?=\|)|\n\n", description(verb))
    found = [part for part in parts if re.search(rf"(?<![\w-]){option}(?![\w-])", part)]
    assert found, f"{PAGES[verb.program]}: {verb.name} has the option {option}"
    text = "\n".join(found)
    as_for = re.search(r"as for `(\w+)`", text)
    if as_for is None:
        return text
    return line_of(next(one for one in VERBS if str(one) == f"{verb.program} {as_for[1]}"), option)


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_each_command_and_option_is_described(verb: Verb) -> None:
    assert description(verb)
    for name, option in verb.options.items():
        text = line_of(verb, name)
        if isinstance(option.type, click.Choice):
            assert [one for one in option.type.choices if one not in text] == [], name
        if not option.is_flag and isinstance(option.default, str | int | float):
            assert str(option.default) in text, f"{name} has the default {option.default}"


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_each_choice_of_an_argument_is_described(verb: Verb) -> None:
    for one in verb.command.params:
        if isinstance(one, click.Argument) and isinstance(one.type, click.Choice):
            missing = [
                choice for choice in one.type.choices if f"`{choice}`" not in description(verb)
            ]
            assert missing == []


@pytest.mark.parametrize("program", PAGES)
def test_page_names_no_option_that_does_not_exist(program: str) -> None:
    known = {name for verb in VERBS if verb.program == program for name in verb.options}
    named = {
        name for span in code_spans(Page.of(PAGES[program]).text) for name in OPTION.findall(span)
    }
    assert named - known - COMMON == set()


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_table_of_a_command_has_no_option_of_another(verb: Verb) -> None:
    page = Page.of(PAGES[verb.program])
    if verb.name in page.sections():
        tables = [
            one
            for one in page.tables(verb.name)
            if one.header[0] in {"option", "argument or option"}
        ]
        named = {name for table in tables for row in table.rows for name in OPTION.findall(row[0])}
        assert named <= verb.options.keys()


def calls(text: str) -> Iterator[tuple[str, str]]:
    """Yield the program and the arguments of every call; of one without a program, the verb's."""
    for line in [*shell_lines(text), *code_spans(text)]:
        yield from CALL.findall(re.split(r" +#", line)[0])
        words = line.split()
        if len(words) > 1 and words[1].startswith("-") and words[0] in {one.name for one in VERBS}:
            yield "", line


def wrong(program: str, arguments: str) -> str:
    """Return what does not exist in a call; empty when all does."""
    words = arguments.split()
    verbs = [one for one in VERBS if one.program.startswith(program)]
    found = [one for one in verbs if words[: len(one.name.split())] == one.name.split()]
    if not found:
        # the name of a group alone, or an option of the program
        known = COMMON | WRONG | {one.name.split()[0] for one in verbs}
        return "" if words[0] in known else f"no command {words[0]}"
    options = COMMON.union(*(one.options for one in found))
    return " ".join(name for name in OPTION.findall(f" {arguments}") if name not in options)


@pytest.mark.parametrize("page", every_page(), ids=lambda page: page.name)
def test_every_call_in_the_docs_is_possible(page: Page) -> None:
    problems = {
        f"{program} {arguments}": problem
        for program, arguments in calls(page.text)
        if (problem := wrong(program, arguments))
    }
    assert problems == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`clawbot-agent run --stage a --quiet`", ""),
        ("`clawbot-agent run --attempts`", "--attempts"),
        ("`run --attempts`", "--attempts"),
        ("`stop --to-zero`", ""),
        ("`clawbot-controller run`", "no command run"),
        ("```shell\nclawbot-agent logs \\\n    --tail 3 | head -1\n```\n", "--tail"),
        ("```shell\nclawbot-agent logs -n 3 | grep -c x\n```\n", ""),
    ],
)
def test_impossible_call_is_found(text: str, problem: str) -> None:
    assert [wrong(*call) for call in calls(text)] == [problem]


def documented_codes(column: int) -> set[int]:
    rows = Page.of("exit-codes.md").tables()[0].rows
    return {int(row[0]) for row in rows if row[column]}


def test_exit_codes_are_those_of_the_programs() -> None:
    assert documented_codes(1) == {*AgentExit, ExitStatus.LOST}
    assert documented_codes(2) == set(ControllerExit)


def test_exit_codes_and_options_of_bootstrap_are_those_of_the_script() -> None:
    raised = {int(code) for code in re.findall(r"\b(?:die|exit) (\d)\b", BOOTSTRAP)}
    assert documented_codes(3) == raised
    loop = BOOTSTRAP.partition("while [ $# -gt 0 ]")[2]
    arms = re.findall(r"^        (--[^)]+)\)", loop, re.MULTILINE)
    options = {name for arm in arms for name in OPTION.findall(arm)}
    table = Page.of("bootstrap.md").table("bootstrap.sh", "option")
    assert {span.split()[0] for span in table.names()} == options | {"SOURCE"}


def test_messages_of_bootstrap_are_those_of_the_script() -> None:
    script = BOOTSTRAP.replace("{error.code} {error.reason}", "404 Not Found")
    for name, value in re.findall(r"^(command|config|minutes)=(\S+)$", BOOTSTRAP, re.MULTILINE):
        script = script.replace(f"${name}", value)
    for line in Page.of("bootstrap.md").table("Failures", "line").names():
        missing = [part for part in re.split(r"\.\.\.", line) if part and part not in script]
        assert missing == [], line
