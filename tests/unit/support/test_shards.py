import subprocess
from collections.abc import Sequence

import pytest

from tests.support.shards import SHARDS, choose, main

COMMIT = "5911d9d0c2b7a4e8f3d6a1b5c9e2f7d4a8b1c6e3"


class Repository:
    """Answers as git would in a clone whose main line has so many commits."""

    def __init__(self, *, commits: int, shallow: bool = False) -> None:
        self.commits = commits
        self.shallow = shallow

    def __call__(self, arguments: Sequence[str]) -> str:
        """One question of the choice."""
        match arguments:
            case ("rev-parse", "HEAD"):
                return COMMIT
            case ("rev-parse", "--is-shallow-repository"):
                return str(self.shallow).lower()
            case _:
                assert arguments == ("rev-list", "--count", "--first-parent", "HEAD")
                return str(self.commits)


def test_successive_commits_go_through_all_shards() -> None:
    chosen = [choose(Repository(commits=100 + number))[0] for number in range(len(SHARDS))]
    assert sorted(chosen) == sorted(SHARDS)


@pytest.mark.parametrize("step", range(2, len(SHARDS)))
def test_pushes_of_several_commits_go_through_all_shards(step: int) -> None:
    chosen = {choose(Repository(commits=step * number))[0] for number in range(len(SHARDS))}
    assert chosen == set(SHARDS)


def test_it_says_what_it_chose_and_why() -> None:
    number = len(SHARDS) * 7 + 2
    name, why = choose(Repository(commits=number))
    assert name == SHARDS[2]
    assert why.startswith(f"shard 3 of {len(SHARDS)}: ")
    assert why.endswith(f"commit {COMMIT[:12]} is number {number} of the main line")


def test_a_shallow_clone_takes_the_commits_hash() -> None:
    """There every commit is the first of the main line."""
    name, why = choose(Repository(commits=1, shallow=True))
    assert name == SHARDS[int(COMMIT, 16) % len(SHARDS)]
    assert why.endswith("by its hash: a shallow clone")


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")]
)
def test_without_a_repository_it_is_the_first(error: Exception) -> None:
    def no_git(_arguments: Sequence[str]) -> str:
        raise error

    assert choose(no_git) == (SHARDS[0], f"shard 1 of {len(SHARDS)}: no git repository")


def test_all_shards_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert tuple(capsys.readouterr().out.split()) == SHARDS
