"""Files beside the code are found in a checkout and in an installation, or missed by name."""

from importlib import metadata
from pathlib import Path

import pytest

from clawbot_controller.custom_data import assets
from clawbot_controller.errors import AssetMissingError


class Installed:
    """A distribution whose files are on disk below `root`."""

    def __init__(self, root: Path) -> None:
        self.files = [metadata.PackagePath("../../../share/clawbot/bootstrap.sh")]
        for file in self.files:
            # as importlib.metadata does
            file.dist = self  # type: ignore[assignment] # the one method that locate() calls
        self._root = root

    def locate_file(self, path: object) -> Path:
        """Where it is on disk."""
        return self._root / str(path)


@pytest.fixture
def no_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(assets, "_CHECKOUT", tmp_path / "nothing")
    return tmp_path


def test_in_a_checkout() -> None:
    assert assets.asset(assets.BOOTSTRAP).startswith(b"#!/bin/sh\n")


def test_installed_from_a_wheel(no_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = no_checkout / "lib/python3/site-packages"
    site.mkdir(parents=True)
    (no_checkout / "share/clawbot").mkdir(parents=True)
    (no_checkout / "share/clawbot/bootstrap.sh").write_bytes(b"installed")
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(site))
    assert assets.asset(assets.BOOTSTRAP) == b"installed"


def test_missing(no_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(no_checkout / "a/b/c"))
    with pytest.raises(AssetMissingError, match=r"packaging/custom-data\.yaml\.j2 is missing"):
        assets.asset(assets.CUSTOM_DATA_TEMPLATE)
