"""The services on the loopback interface, with small artifacts instead of the cache's."""

import http.client
import io
import json
import socket
import ssl
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bench.azure import NAMES, ca
from tests.bench.azure.control import Control
from tests.bench.azure.image_store import ImageStore
from tests.bench.azure.layout import read_image, write_image
from tests.bench.azure.serve import CONTROL_SOCKET, Content, Servers

ASSET_PATH = "/nestybox/sysbox/releases/download/v0.6.7/sysbox-ce_0.6.7.linux_amd64.deb"
ASSET = bytes(range(256)) * 4096
LAYER = b"not really a gzipped layer" * 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Azure:
    """The running services."""

    control: Control
    addresses: dict[str, tuple[str, int]]
    authority: Path

    def ask(
        self, url: str, *, method: str = "GET", body: str | None = None, **headers: str
    ) -> Answer:
        """Send one request to the service with the URL's host name; underscores become dashes."""
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        key = NAMES.get(host, {"169.254.169.254": "imds"}.get(host, "wireserver"))
        connection = http.client.HTTPConnection(*self.addresses[key], timeout=5)
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(self.authority))
            plain = socket.create_connection(self.addresses[key], timeout=5)
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/{path}", body, {"Host": host, **sent})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def token(self, resource: str = "https://vault.azure.net", **selectors: str) -> Answer:
        """Request a token from the metadata service."""
        query = "".join(f"&{name}={value}" for name, value in selectors.items())
        path = f"oauth2/token?api-version=2018-02-01&resource={resource}{query}"
        return self.ask(f"http://169.254.169.254/metadata/identity/{path}", Metadata="true")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """All services, started once per session because the start is slow."""
    folder = tmp_path_factory.mktemp("azure")
    asset, image = folder / "asset", folder / "image"
    asset.write_bytes(ASSET)
    image.mkdir()
    layer = folder / "layer"
    layer.write_bytes(LAYER)
    write_image(image, config=b"{}", layers=(layer,))
    images = ImageStore(folder / "images")
    images.add("registry-1.docker.io/library/node", ("24-trixie-slim",), read_image(image))
    ca_dir = folder / "ca"
    content = Content(assets={ASSET_PATH: asset}, images=images)
    with Servers(content=content, run_dir=folder, ca_dir=ca_dir, bind="127.0.0.1") as servers:
        control = Control(folder / CONTROL_SOCKET)
        yield Azure(control=control, addresses=servers.addresses, authority=ca.ensure(ca_dir))


@pytest.fixture
def azure(running: Azure) -> Azure:
    """The services, reset: no faults and no recorded requests."""
    running.control.reset()
    return running


@pytest.fixture
def saved_image(tmp_path: Path) -> Path:
    """A tar file like one from docker save."""
    archive = tmp_path / "saved.tar"
    entry = [{"Config": "blobs/config", "RepoTags": ["a:1"], "Layers": ["blobs/layer"]}]
    members = {
        "manifest.json": json.dumps(entry).encode(),
        "blobs/config": b'{"os":"linux"}',
        "blobs/layer": b"tar" * 100,
    }
    with tarfile.open(archive, "w") as out:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return archive
