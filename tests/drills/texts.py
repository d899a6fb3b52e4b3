"""Prints, as JSON, every text of OpenClaw's conversations in one agent database."""

import json
import re
import sqlite3
import sys

# a transcript's message is a JSON document in some column; only its text is needed
_TEXT = re.compile(r'"text":"((?:[^"\\]|\\.)*)"')


def main(path: str) -> None:
    """Search every text column of every table."""
    database = sqlite3.connect(path)
    found: set[str] = set()
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        quoted = '"' + table.replace('"', '""') + '"'
        try:
            rows = database.execute("SELECT * FROM " + quoted)  # noqa: S608 - names from the database itself
            for row in rows:
                for value in row:
                    if isinstance(value, str):
                        found.update(_TEXT.findall(value))
        except sqlite3.OperationalError:
            # a virtual table whose module is not loaded
            continue
    json.dump(sorted(found), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
