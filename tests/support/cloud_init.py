"""cloud-init's schema, from its Debian package.

The package is unpacked, not installed: on a developer's machine cloud-init would treat the next
boot as an instance's first.
"""

import json
from pathlib import Path
from typing import Any, Final

from tests.bench.cache import Cache
from tests.bench.commands import run

_NAME: Final = "schema-cloud-config-v1.json"


def schema(cache: Cache) -> dict[str, Any]:
    """Return the JSON Schema of #cloud-config."""

    def fetch(directory: Path) -> None:
        run("apt-get", "update")
        # apt downloads to the working directory
        run("env", f"--chdir={directory}", "apt-get", "download", "cloud-init")
        package = next(directory.glob("cloud-init*.deb"))
        run("dpkg-deb", "--extract", str(package), str(directory / "package"))
        found = next((directory / "package").rglob(_NAME))
        found.rename(directory / _NAME)

    document: dict[str, Any] = json.loads(
        (cache.get("cloud-init", ["1"], fetch) / _NAME).read_text()
    )
    return document
