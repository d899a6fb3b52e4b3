"""A release's version, its notes, and the links of its README."""

import pytest

from clawbot_agent import __version__
from tests.unit.packaging.scripts import load

build_release = load("build_release")
release = load("release")


@pytest.mark.parametrize(
    ("current", "wanted", "expected"),
    [
        ("0.2.0.dev0", None, "0.2.0"),
        ("0.2.0.dev0", "0.3.0", "0.3.0"),
        ("0.2.0", "0.2.1", "0.2.1"),
        ("0.9.0", "0.10.0", "0.10.0"),
        ("0.2.0", None, "0.2.0"),
    ],
)
def test_release_has_the_development_version_or_a_later_one(
    current: str, wanted: str | None, expected: str
) -> None:
    assert release.release_number(current, wanted) == expected


@pytest.mark.parametrize(
    ("current", "wanted", "problem"),
    [
        ("0.2.0.dev0", "0.3.0rc1", "form"),
        ("0.2.0.dev0", "v0.3.0", "form"),
        ("0.2.0.dev0", "0.1.9", "lower"),
        ("0.10.0", "0.9.9", "lower"),
    ],
)
def test_other_versions_are_refused(current: str, wanted: str, problem: str) -> None:
    with pytest.raises(release.ReleaseError, match=problem):
        release.release_number(current, wanted)


CHANGELOG = """\
# Changelog

<!-- towncrier release notes start -->

## 0.10.0 (2027-01-02)

### Added

- Ten.

## 0.1.0 (2026-12-01)

### Fixed

- One.
"""


def test_notes_are_the_changelogs_section() -> None:
    assert release.section(CHANGELOG, "0.10.0") == "### Added\n\n- Ten.\n"
    assert release.section(CHANGELOG, "0.1.0") == "### Fixed\n\n- One.\n"


@pytest.mark.parametrize("number", ["0.1", "0.1.00", "1.0.0", "0-1-0"])
def test_version_without_a_section_has_no_notes(number: str) -> None:
    assert release.section(CHANGELOG, number) is None


def test_version_is_read_from_the_sources() -> None:
    assert build_release.version() == __version__


SOURCE = "https://example.org/o/r"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[a](docs/a.md#b)", "[a](https://example.org/o/r/blob/v1/docs/a.md#b)"),
        ("[a](./LICENSE)", "[a](https://example.org/o/r/blob/v1/LICENSE)"),
        ("![a](docs/a.png)", "![a](https://example.org/o/r/raw/v1/docs/a.png)"),
        (
            "[![a](a.png)](a.md)",
            "[![a](https://example.org/o/r/raw/v1/a.png)](https://example.org/o/r/blob/v1/a.md)",
        ),
        ("![a\nb](a.png)", "![a\nb](https://example.org/o/r/raw/v1/a.png)"),
        ('<a href="a.md">', '<a href="https://example.org/o/r/blob/v1/a.md">'),
        ('<img src="a.png">', '<img src="https://example.org/o/r/raw/v1/a.png">'),
        ("[a](https://example.org/a)", "[a](https://example.org/a)"),
        ("[a](#install)", "[a](#install)"),
        ("`f(x)` and a list[0] (of two)", "`f(x)` and a list[0] (of two)"),
    ],
)
def test_readme_links_point_to_the_repository(link: str, expected: str) -> None:
    text = build_release.absolute_links(f"See {link}.\n", SOURCE, "v1")
    assert text == f"See {expected}.\n"
    assert release.relative_link(text) is None


def test_remaining_relative_link_is_found() -> None:
    assert release.relative_link("[a](https://example.org) and [b](docs/b.md)") == "](docs/b.md)"
    assert release.relative_link('<img src="docs/b.png">') == 'src="docs/b.png"'
