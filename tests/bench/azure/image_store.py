"""The registry's images: by reference, and every blob by digest."""

import json
import tarfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from tests.bench.azure.layout import Image, blob_path, file_digest

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_HUB: Final = "registry-1.docker.io"


class ImageError(Exception):
    """An image reference or a saved image is invalid."""


class ImageStore:
    """Images by repository (with its registry's host) and tag.

    Args:
        folder: for unpacked images that are added at run time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._unpacking = threading.Lock()
        self._tags: dict[str, dict[str, Image]] = {}

    def add(self, repository: str, tags: Iterable[str], image: Image) -> None:
        """Serve ``image`` under ``repository``, such as ``registry-1.docker.io/library/node``."""
        with self._lock:
            self._tags.setdefault(repository, {}).update(dict.fromkeys(tags, image))

    def add_saved(self, reference: str, archive: Path) -> None:
        """Serve an image that ``docker save`` wrote.

        Args:
            reference: ``[host/]name:tag``; without a host, Docker Hub.
            archive: the tar file, with one image.

        Raises:
            ImageError: the reference has no tag, or the archive is not a saved image.
        """
        repository, tag = split_reference(reference)
        try:
            with self._unpacking:
                image = _unpack(archive, self._folder)
        except (OSError, KeyError, ValueError, tarfile.TarError) as error:
            message = f"{archive}: not an image saved by docker save: {error}"
            raise ImageError(message) from error
        self.add(repository, (tag,), image)

    def tags(self, repository: str) -> list[str] | None:
        """Return the repository's tags, or None if there is no such repository."""
        with self._lock:
            known = self._tags.get(repository)
            return None if known is None else sorted(known)

    def image(self, repository: str, reference: str) -> Image | None:
        """Return the image with this tag or digest."""
        with self._lock:
            known = dict(self._tags.get(repository, {}))
        by_digest = {image.digest: image for image in known.values()}
        return known.get(reference) or by_digest.get(reference)

    def blob(self, repository: str, digest: str) -> Path | None:
        """Return the file of a blob of one of the repository's images."""
        with self._lock:
            images = list(self._tags.get(repository, {}).values())
        return next((image.blobs[digest] for image in images if digest in image.blobs), None)

    def snapshot(self) -> dict[str, str]:
        """Return every reference with its manifest's digest."""
        with self._lock:
            return {
                f"{repository}:{tag}": image.digest
                for repository, tags in self._tags.items()
                for tag, image in tags.items()
            }


def split_reference(reference: str) -> tuple[str, str]:
    """Split ``[host/]name:tag`` into the repository with its host, and the tag.

    Raises:
        ImageError: there is no tag.
    """
    name, _, tag = reference.rpartition(":")
    if not name or "/" in tag:
        message = f"{reference!r}: not an image reference with a tag"
        raise ImageError(message)
    first, _, path = name.partition("/")
    if path and ("." in first or ":" in first):
        return (name if first != "docker.io" else f"{_DOCKER_HUB}/{path}"), tag
    return f"{_DOCKER_HUB}/{name if path else f'library/{name}'}", tag


def _unpack(archive: Path, folder: Path) -> Image:
    """Extract the configuration and the layers of a saved image; layers stay uncompressed."""
    folder.joinpath("blobs").mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as saved:
        entry = json.loads(_member(saved, "manifest.json").read())[0]
        config = _take(saved, entry["Config"], folder)
        layers = [_take(saved, name, folder) for name in entry["Layers"]]
    blobs = dict([config, *layers])
    described = [_descriptor(_OCI_LAYER, digest, path) for digest, path in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(_OCI_CONFIG, *config),
        "layers": described,
    }
    return Image(json.dumps(manifest).encode(), OCI_MANIFEST, blobs)


def _take(saved: tarfile.TarFile, name: str, folder: Path) -> tuple[str, Path]:
    temporary = folder / "taking"
    with temporary.open("wb") as out:
        content = _member(saved, name)
        while chunk := content.read(1 << 20):
            out.write(chunk)
    digest = file_digest(temporary)
    path = blob_path(folder, digest)
    temporary.replace(path)
    return digest, path


def _member(saved: tarfile.TarFile, name: str) -> IO[bytes]:
    content = saved.extractfile(name)
    if content is None:
        raise KeyError(name)
    return content


def _descriptor(media_type: str, digest: str, path: Path) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": path.stat().st_size}
