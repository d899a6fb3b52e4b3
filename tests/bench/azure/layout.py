"""The registry's on-disk layout of an image: blobs by digest and one manifest."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
_DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_MANIFEST: Final = "manifest.json"
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Image:
    """One image as the registry serves it.

    Args:
        manifest: the manifest's exact bytes; its digest is the image's.
        media_type: of the manifest.
        blobs: digest ("sha256:…") to file, of the configuration and the layers.
    """

    manifest: bytes
    media_type: str
    blobs: dict[str, Path]

    @property
    def digest(self) -> str:
        """The manifest's digest, used by a pull by digest."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"


def write_image(folder: Path, *, config: bytes, layers: Sequence[Path]) -> None:
    """Write an image to ``folder``; the gzipped ``layers`` are moved into it."""
    blobs = folder / "blobs"
    blobs.mkdir()
    config_digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    blob_path(folder, config_digest).write_bytes(config)
    descriptors = []
    for layer in layers:
        digest, size = file_digest(layer), layer.stat().st_size
        descriptors.append({"mediaType": _DOCKER_LAYER, "size": size, "digest": digest})
        shutil.move(layer, blob_path(folder, digest))
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": _DOCKER_CONFIG, "size": len(config), "digest": config_digest},
        "layers": descriptors,
    }
    (folder / _MANIFEST).write_bytes(json.dumps(manifest, indent=3).encode())


def read_image(folder: Path) -> Image:
    """Read an image that `write_image` wrote.

    Raises:
        OSError: there is no image in ``folder``.
    """
    content = (folder / _MANIFEST).read_bytes()
    manifest = json.loads(content)
    digests = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    return Image(
        manifest=content,
        media_type=manifest["mediaType"],
        blobs={digest: blob_path(folder, digest) for digest in digests},
    )


def blob_path(folder: Path, digest: str) -> Path:
    """Return the path below ``folder`` of the blob with this digest ("sha256:…")."""
    return folder / "blobs" / digest.removeprefix("sha256:")


def file_digest(path: Path) -> str:
    """Return the file's digest in registry notation, "sha256:…"."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
