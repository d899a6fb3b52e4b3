"""Non-Python files are found in a checkout and in an installation."""

from importlib import metadata
from pathlib import Path

import pytest

from clawbot_controller import custom_data
from clawbot_controller.errors import AssetMissingError


class Installed:
    """A distribution with files on disk below `root`."""

    def __init__(self, root: Path) -> None:
        self.files = [metadata.PackagePath("../../../share/clawbot/bootstrap.sh")]
        for file in self.files:
            # as importlib.metadata does
            file.dist = self  # type: ignore[assignment] # the one method that locate() calls
        self._root = root

    def locate_file(self, path: object) -> Path:
        """Return the path on disk."""
        return self._root / str(path)


@pytest.fixture
def no_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(custom_data, "_CHECKOUT", tmp_path / "nothing")
    return tmp_path


def test_asset_is_found_in_checkout() -> None:
    assert custom_data.asset(custom_data.BOOTSTRAP).startswith(b"#!/bin/sh\n")


def test_asset_is_found_in_installation(no_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = no_checkout / "lib/python3/site-packages"
    site.mkdir(parents=True)
    (no_checkout / "share/clawbot").mkdir(parents=True)
    (no_checkout / "share/clawbot/bootstrap.sh").write_bytes(b"installed")
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(site))
    assert custom_data.asset(custom_data.BOOTSTRAP) == b"installed"


def test_missing_asset_is_reported_by_name(
    no_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(no_checkout / "a/b/c"))
    with pytest.raises(AssetMissingError, match=r"packaging/custom-data\.yaml\.j2: not found in"):
        custom_data.asset(custom_data.TEMPLATE)
