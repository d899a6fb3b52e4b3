"""The script that reads OpenClaw's conversations from a database."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.drills import texts


def test_texts_are_found_in_all_columns_of_all_tables(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "agent.sqlite")
    with database:
        database.execute("CREATE TABLE messages (number INTEGER, body TEXT)")
        body = json.dumps({"content": [{"type": "text", "text": "cut 1 text 7"}]}, indent=None)
        compact = body.replace(": ", ":").replace(", ", ",")
        database.execute("INSERT INTO messages VALUES (1, ?)", (compact,))
        database.execute("INSERT INTO messages VALUES (2, 'no message')")
    database.close()
    done = subprocess.run(
        (sys.executable, texts.__file__, str(tmp_path / "agent.sqlite")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["cut 1 text 7"]
