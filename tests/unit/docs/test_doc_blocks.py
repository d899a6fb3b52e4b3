"""Every shell block of README and docs is run by a test, or says why not."""

import re
from pathlib import Path

import pytest

from tests.support.doc_blocks import ROOT, DocError, blocks_of, documents, matches

ALL = [block for path in documents() for block in blocks_of(path)]
FEWEST_RUN = 60
# this project's pages; others have docs/ as well
PAGE = re.compile(
    r"(?<![\w/-])docs/(?:(?:tutorial|how-to|reference|explanation|adr|images)/)?[\w-]+\.(?:md|svg|png)"
)


def parsed(tmp_path: Path, text: str) -> list[str]:
    page = tmp_path / "page.md"
    page.write_text(text)
    return [f"{block.environment}:{block.text}:{block.output}" for block in blocks_of(page)]


def test_enough_blocks_are_run() -> None:
    run = [block for block in ALL if block.environment and not block.is_setup]
    assert len(run) >= FEWEST_RUN


def test_a_block_that_is_not_run_has_a_reason() -> None:
    assert [str(block) for block in ALL if not block.environment and not block.reason] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(path.relative_to(ROOT / "docs")) for path in documents()[1:]]
    assert [page for page in pages if f" {page}\n" not in navigation] == []


def test_pages_that_code_mentions_exist() -> None:
    # tests make up names of pages
    folders = ("agent", "controller", "systemd", "packaging", "vagrant", "tests/support")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    text = [
        (path, path.read_text(errors="replace"))
        for path in [*files, ROOT / "bootstrap.sh", ROOT / "CONTRIBUTING.md"]
        if path.is_file() and path.suffix in {".py", ".service", ".timer", ".sh", ".md", ".j2", ""}
    ]
    missing = [
        f"{path.relative_to(ROOT)}: {page}"
        for path, content in text
        for page in PAGE.findall(content)
        if not (ROOT / page).is_file()
    ]
    assert missing == []


def test_marker_output_and_setup(tmp_path: Path) -> None:
    page = """\
1. Do it:

    <!-- setup: laptop
    true
    -->

    <!-- runnable: instance -->
    ```shell
    ls
    ```

    <!-- output -->
    ```text
    a...
    ```

<!-- not-run: no network -->
```shell
curl
```

```yaml
key: value
```
"""
    assert parsed(tmp_path, page) == ["laptop:    true\n:None", "instance:ls:a...", ":curl:None"]


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("```shell\nls\n```\n", "page.md:2: a shell block needs a marker"),
        ("<!-- runnable: moon -->\n```shell\nls\n```\n", "moon is none of"),
        ("<!-- not-run -->\n```shell\nls\n```\n\n", "page.md:3: not-run needs a reason"),
        ("<!-- runnable: laptop -->\n\nWords.\n", "page.md:1: a marker is complete"),
        ("<!-- runnable: laptop -->\n```yaml\na: b\n```\n", "does not fit"),
        ("<!-- output -->\n```text\na\n```\n", "belongs to no block"),
        ("Words.\n\n    $ ls\n", "use a fenced block"),
        ("<!-- runnable: laptop -->\n```shell\nls\n", "has no end"),
        ("<!-- setup: laptop\nls\n", "a marker is complete"),
        ("1. Item:\n\n    Words.\n\nWords.\n\n    $ ls\n", "page.md:7: use a fenced block"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, page: str, problem: str) -> None:
    with pytest.raises(DocError, match=re.escape(problem)):
        parsed(tmp_path, page)


@pytest.mark.parametrize(
    ("pattern", "output", "good"),
    [
        ("a\nb", "a  \nb\n\n", True),
        ("a ... c", "a b c", True),
        ("a\n...", "a\nb\nc", True),
        ("{...", '{"a": 1}', True),
        ("a", "a b", False),
        ("a.c", "abc", False),
    ],
)
def test_matching(pattern: str, output: str, *, good: bool) -> None:
    assert matches(pattern, output) is good
