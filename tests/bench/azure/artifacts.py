"""The services' contents that take time to build, kept in the bench's cache."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.azure import ca, node_image, sysbox_deb
from tests.bench.azure.image_store import ImageStore
from tests.bench.azure.layout import read_image
from tests.bench.azure.serve import Content
from tests.bench.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable

_RELEASES: Final = "/nestybox/sysbox/releases/download"


def build(cache: Cache, ca_dir: Path) -> None:
    """Build missing artifacts: certificate authority, node base image, Sysbox packages.

    Raises:
        subprocess.CalledProcessError: a tool failed; its output is on stderr.
    """
    ca.ensure(ca_dir)
    jobs: list[Callable[[], object]] = [partial(node_image_dir, cache)]
    jobs += [partial(sysbox_package, cache, version) for version in sysbox_deb.VERSIONS]
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def node_image_dir(cache: Cache) -> Path:
    """Return the directory of the node base image; build it if missing."""
    architecture = host_architecture()
    return cache.get(
        "node-image",
        node_image.inputs(architecture),
        partial(node_image.build, architecture=architecture),
    )


def sysbox_package(cache: Cache, version: str) -> Path:
    """Return the path of the stand-in Sysbox package of this version; build it if missing."""
    architecture = host_architecture()
    folder = cache.get(
        "sysbox-deb",
        sysbox_deb.inputs(version, architecture),
        partial(sysbox_deb.build, version=version, architecture=architecture),
    )
    return folder / sysbox_deb.file_name(version, architecture)


def sysbox_sha256(cache: Cache, version: str = sysbox_deb.DEFAULT_VERSION) -> str:
    """Return the SHA-256 (hex) of the stand-in Sysbox package for this host's architecture.

    It differs from the real package's, so the instance's configuration must contain this one.
    """
    return sysbox_deb.sha256(sysbox_package(cache, version))


def content(cache: Cache, run_dir: Path) -> Content:
    """Return the services' contents from the cache; build what is missing.

    Args:
        cache: the bench's cache.
        run_dir: images added at run time are unpacked below it.
    """
    architecture = host_architecture()
    assets = {
        f"{_RELEASES}/v{version}/{sysbox_deb.file_name(version, architecture)}": sysbox_package(
            cache, version
        )
        for version in sysbox_deb.VERSIONS
    }
    images = ImageStore(run_dir / "images")
    repository = f"registry-1.docker.io/{node_image.REPOSITORY}"
    images.add(repository, node_image.TAGS, read_image(node_image_dir(cache)))
    return Content(assets=assets, images=images)


def host_architecture() -> str:
    """Return Debian's name of this host's architecture, for example amd64."""
    return subprocess.run(
        ("dpkg", "--print-architecture"), check=True, capture_output=True, text=True
    ).stdout.strip()
