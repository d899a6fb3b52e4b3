"""Checks OpenClaw's databases; runs in the machine and needs only its python3."""

import contextlib
import json
import sqlite3
import sys
from pathlib import Path

_BUSY_SECONDS = 60


def _read(path: Path, statement: str) -> list[str]:
    address = f"file:{path}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as database:
        return [str(row[0]) for row in database.execute(statement)]


def _complaints(path: Path) -> str:
    try:
        found = _read(path, "PRAGMA integrity_check")
    except sqlite3.Error as error:
        return f"{type(error).__name__}: {error}"
    return "" if found == ["ok"] else "; ".join(found)


def main(root: Path) -> None:
    """Print the results as JSON."""
    # OpenClaw's lock files are empty databases that it keeps locked
    paths = [path for path in root.rglob("*.sqlite") if not path.name.endswith(".lock.sqlite")]
    said = {str(path.relative_to(root)): _complaints(path) for path in paths}
    identity: list[str] = []
    with contextlib.suppress(sqlite3.Error):
        identity = _read(root / "state/openclaw.sqlite", "SELECT device_id FROM device_identities")
    damaged = {name: complaint for name, complaint in said.items() if complaint}
    found = {
        "damaged": damaged,
        "sound": len(said) - len(damaged),
        "identity": "".join(identity),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
