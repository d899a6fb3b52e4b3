"""Files that belong to the controller but are no Python: they lie in the wheel's share/clawbot."""

from importlib import metadata
from pathlib import Path
from typing import Final

from clawbot_controller.errors import AssetMissingError

__all__ = ["BOOTSTRAP", "CUSTOM_DATA_TEMPLATE", "asset"]

BOOTSTRAP: Final = "bootstrap.sh"
CUSTOM_DATA_TEMPLATE: Final = "packaging/custom-data.yaml.j2"

_CHECKOUT: Final = Path(__file__).resolve().parents[3]
_DISTRIBUTION: Final = "clawbot-agent"


def asset(name: str) -> bytes:
    """The content of a file, named as in a checkout ("packaging/custom-data.yaml.j2").

    Raises:
        AssetMissingError: it is neither in a checkout around this module nor installed.
    """
    # not by sys.prefix: pip --user puts the wheel's data files elsewhere
    places = [_CHECKOUT / name, *_installed(f"share/clawbot/{Path(name).name}")]
    for path in places:
        if path.is_file():
            return path.read_bytes()
    msg = f"{name} is missing (looked at {', '.join(map(str, places))})"
    raise AssetMissingError(msg)


def _installed(tail: str) -> list[Path]:
    try:
        files = metadata.distribution(_DISTRIBUTION).files or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.as_posix().endswith(f"/{tail}")]
