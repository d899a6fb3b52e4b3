"""The language check finds what its rules refuse, there and nowhere else."""

import re
from pathlib import PurePosixPath

import pytest

from tests.support.check_language import Checker, is_exempt, main, report
from tests.support.language_rules import ALLOWED, EXEMPT, RULES, Allowed, Rule
from tests.support.prose import read, words


def rules_of(path: str, text: str) -> list[str]:
    return [finding.rule for finding in Checker(allowed=()).check(path, text)]


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, text, id=f"{rule.name}: {text}")
        for rule in RULES
        for text in getattr(rule, kind)
    ]


@pytest.mark.parametrize(("rule", "text"), cases("bad"))
def test_each_rule_refuses_its_bad_examples(rule: Rule, text: str) -> None:
    """As a page's text, or where code has it in a name, as one of those."""
    as_code = re.fullmatch(r"[\w.]+|(?:class|def) \w+|\w+: \w+", text)
    found = rules_of("page.md", text)
    if rule.identifiers and as_code:
        found += rules_of("code.py", f"{text.rsplit(maxsplit=1)[-1]}\n")
    assert rule.name in found


@pytest.mark.parametrize(("rule", "text"), cases("good"))
def test_no_rule_refuses_its_good_examples(rule: Rule, text: str) -> None:
    assert rule.name not in rules_of("page.md", text)


def test_every_rule_has_a_name_of_its_own_examples_and_an_alternative() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.name for rule in RULES if not rule.bad or not rule.instead] == []


@pytest.mark.parametrize(
    "code",
    [
        '"""Somebody reads this."""\n',
        "x = 1  # somebody reads this\n",
        'x = "asked by somebody"\n',
        'x = f"{a} asked by somebody"\n',
        'x = "one\\nsomebody"\n',
        "def test_somebody_asks() -> None: ...\n",
        "somebody = 1\n",
        "class SomebodyElse: ...\n",
    ],
)
def test_python_is_read_where_people_read_it(code: str) -> None:
    assert set(rules_of("code.py", code)) == {"person"}


@pytest.mark.parametrize(
    "code",
    [
        "told = rest[0]\n",
        'x = f"{told}"\n',
        'x = ("it is asked", "for")\n',
        "first, *rest = line\n",
    ],
)
def test_names_of_code_are_not_prose(code: str) -> None:
    assert rules_of("code.py", code) == []


def test_a_phrase_is_found_across_lines_and_reported_with_its_first_line() -> None:
    text = '"""A module.\n\nWhat is asked\nfor is here.\n"""\n'
    (finding,) = Checker(allowed=()).check("code.py", text)
    assert (finding.rule, finding.line) == ("asked-for", 3)
    assert str(finding).startswith("code.py:3: [asked-for] 'is asked for': use ")


def test_strings_that_python_joins_are_one_phrase() -> None:
    text = 'x = (\n    "what is asked "\n    "for"\n)\n'
    assert rules_of("code.py", text) == ["asked-for"]


def test_comments_of_several_lines_are_one_phrase() -> None:
    assert rules_of("a.sh", "# what is asked\n# for\n") == ["asked-for"]
    assert rules_of("a.py", "# what is asked\n# for\n") == ["asked-for"]


def test_where_a_link_leads_is_not_prose() -> None:
    assert rules_of("page.md", "[a page](docs/nobody.md#who) https://example.org/who\n") == []
    assert rules_of("page.md", "[who](docs/page.md)\n") == ["who"]


def test_a_files_own_name_counts() -> None:
    assert rules_of("agent/departure/report.sh", "") == ["departure"]


@pytest.mark.parametrize("name", ["leaveRequestDone", "LeaveRequestDone", "leave_request_done"])
def test_names_become_phrases(name: str) -> None:
    assert words(name) == "leave request done"


def test_every_line_stays_where_it_is() -> None:
    text = 'import os\n\n\ndef f():\n    """One.\n\n    Two.\n    """\n    return "three"  # four\n'
    lines = read(PurePosixPath("a.py"), text).text.split("\n")
    assert "One." in lines[4]
    assert "Two." in lines[6]
    assert "three" in lines[8]
    assert "four" in lines[8]


EXCEPTION = Allowed(rule="who", path="docs/*", text=r"says who\b", reason="a quotation")


def test_an_exception_is_for_its_rule_path_and_line_alone() -> None:
    checker = Checker(allowed=(EXCEPTION,))
    assert list(checker.check("docs/a.md", "It says who.\n")) == []
    assert len(list(checker.check("docs/a.md", "Who says so?\n"))) == 1
    assert len(list(checker.check("a.md", "It says who.\n"))) == 1
    assert len(list(checker.check("docs/a.md", "Nobody says whom.\n"))) == 2
    assert list(checker.unneeded()) == []


def test_an_exception_that_nothing_needs_is_a_finding() -> None:
    (finding,) = Checker(allowed=(EXCEPTION,)).unneeded()
    assert "says who" in str(finding)


def test_every_exception_names_a_rule_and_has_a_reason() -> None:
    assert [one for one in ALLOWED if one.rule not in {rule.name for rule in RULES}] == []
    assert [one for one in ALLOWED if not one.reason] == []
    assert all(EXEMPT.values())


def test_the_report_counts_per_thousand_lines() -> None:
    checker = Checker(allowed=())
    found = list(checker.check("a.md", "Nobody is told.\n" + "fine\n" * 499))
    lines = report(found, checker.lines).split("\n")
    assert "     1  person" in lines
    assert "     0  who" in lines
    assert lines[-1] == "     2  in 500 lines: 4.00 per 1,000"


def test_generated_files_and_data_are_exempt() -> None:
    assert is_exempt("packaging/dev.lock")
    assert is_exempt("LICENSE")
    assert not is_exempt("docs/errors.md")


@pytest.mark.parametrize(("text", "status"), [("Nobody knows.\n", 1), ("The operator knows.\n", 0)])
def test_the_status_is_for_make(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    text: str,
    status: int,
) -> None:
    page = tmp_path_factory.mktemp("pages") / "page.md"
    page.write_text(text)
    assert main([str(page)]) == status
    assert ("[person]" in capsys.readouterr().out) == bool(status)
    assert main(["--report", str(page)]) == 0
    assert "per 1,000" in capsys.readouterr().out
