"""The check of OpenClaw's databases, on databases created for the test."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.inside import check_databases


def _run(
    command: str | Sequence[str], *, timeout: float | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    assert not isinstance(command, str)
    argv = (sys.executable, *command[1:])
    return subprocess.run(
        argv, input=stdin, timeout=timeout, capture_output=True, text=True, check=False
    )


def _make(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with OpenClaw's two kinds of databases."""
    identity = ("CREATE TABLE device_identities (device_id)",)
    _make(
        tmp_path / "state/openclaw.sqlite",
        *identity,
        "INSERT INTO device_identities VALUES ('abc')",
    )
    _make(
        tmp_path / "agents/main/agent/openclaw-agent.sqlite",
        "CREATE TABLE texts (number, text)",
        "CREATE INDEX by_text ON texts (text)",
        "INSERT INTO texts WITH RECURSIVE n(i) AS (VALUES (1) UNION SELECT i + 1 FROM n LIMIT 5000)"
        " SELECT i, 'text ' || i FROM n",
    )
    return tmp_path


def test_sound_databases_are_counted(state: Path) -> None:
    found = check_databases(_run, str(state))
    assert found.damaged == {}
    assert found.sound == 2
    assert found.identity == "abc"


def test_damaged_database_is_named(state: Path) -> None:
    name = "agents/main/agent/openclaw-agent.sqlite"
    with (state / name).open("r+b") as file:
        file.seek(6 * 4096)
        file.write(b"\xff" * 3 * 4096)
    found = check_databases(_run, str(state))
    assert set(found.damaged) == {name}
    assert found.damaged[name]
    assert found.sound == 1


def test_file_that_is_not_a_database_is_damaged(state: Path) -> None:
    (state / "state/openclaw.sqlite").write_bytes(b"x" * 5000)
    found = check_databases(_run, str(state))
    assert "not a database" in found.damaged["state/openclaw.sqlite"]
    assert found.identity == ""


def test_check_works_while_another_process_writes(state: Path) -> None:
    """WAL mode with an open writer, as while the gateway runs."""
    writer = sqlite3.connect(state / "state/openclaw.sqlite")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO device_identities VALUES ('not committed')")
    try:
        found = check_databases(_run, str(state))
    finally:
        writer.close()
    assert found.damaged == {}
    assert found.identity == "abc"
