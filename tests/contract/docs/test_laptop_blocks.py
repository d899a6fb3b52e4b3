"""The commands in README and docs that an operator types, run against a stand-in for Azure."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doc_blocks import ROOT, Block, blocks_of, documents, matches
from tests.support.laptop import controller_server, laptop


def pages_with(environment: str) -> list[Path]:
    return [
        path
        for path in documents()
        if any(block.environment == environment for block in blocks_of(path))
    ]


def check(block: Block, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, f"{block} ends with {done.returncode}:\n{done.stdout}"
    if block.output is not None:
        assert matches(block.output, done.stdout), f"{block} prints:\n{done.stdout}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with controller_server(tmp_path_factory.mktemp("server")) as path:
        yield path


@pytest.mark.parametrize("path", pages_with("laptop"), ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_of_a_page_run_in_their_order(path: Path, server: Path, tmp_path: Path) -> None:
    with laptop(tmp_path, server) as computer:
        for block in blocks_of(path):
            if block.environment == "laptop":
                check(block, computer.run(block.text))


@pytest.mark.parametrize(
    "path", pages_with("checkout"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_blocks_run_in_a_checkout(path: Path) -> None:
    for block in blocks_of(path):
        if block.environment == "checkout":
            done = subprocess.run(
                ("/bin/bash", "-euc", block.text),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=60,
            )
            check(block, done)
