import hashlib
import http.client
import re
from pathlib import Path

import pytest

from tests.bench.azure.control import ControlError
from tests.contract.bench_azure.conftest import LAYER, Answer, Azure

HUB = "https://registry-1.docker.io/v2/"
NODE = f"{HUB}library/node"


def pull(azure: Azure, url: str, *, method: str = "GET") -> Answer:
    """Request like docker: without a token, then with the one from the challenge."""
    first = azure.ask(url, method=method)
    assert first.status == 401
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', first.headers["WWW-Authenticate"]))
    query = f"service={challenge['service']}&scope={challenge['scope']}"
    token = azure.ask(f"{challenge['realm']}?{query}").json["token"]
    return azure.ask(url, method=method, Authorization=f"Bearer {token}")


def test_root_requires_a_token(azure: Azure) -> None:
    answer = azure.ask(HUB)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
    )
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_manifest_by_tag_and_by_digest(azure: Azure, method: str) -> None:
    by_tag = pull(azure, f"{NODE}/manifests/24-trixie-slim", method=method)
    digest = by_tag.headers["Docker-Content-Digest"]
    assert by_tag.headers["Content-Type"].endswith("manifest.v2+json")
    by_digest = pull(azure, f"{NODE}/manifests/{digest}")
    assert f"sha256:{hashlib.sha256(by_digest.body).hexdigest()}" == digest
    assert by_tag.body == (by_digest.body if method == "GET" else b"")


def test_every_blob_matches_its_digest(azure: Azure) -> None:
    manifest = pull(azure, f"{NODE}/manifests/24-trixie-slim").json
    for blob in (manifest["config"], *manifest["layers"]):
        answer = pull(azure, f"{NODE}/blobs/{blob['digest']}")
        assert len(answer.body) == blob["size"] == int(answer.headers["Content-Length"])
        assert f"sha256:{hashlib.sha256(answer.body).hexdigest()}" == blob["digest"]


def test_unknown_tag_and_unknown_repository(azure: Azure) -> None:
    tag = pull(azure, f"{NODE}/manifests/9")
    assert (tag.status, tag.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    name = pull(azure, f"{HUB}library/nothing/manifests/9")
    assert (name.status, name.json["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


def test_token_is_valid_only_for_its_repository(azure: Azure) -> None:
    scope = "repository:library/other:pull"
    token = azure.ask(f"https://auth.docker.io/token?scope={scope}").json["token"]
    answer = azure.ask(f"{NODE}/manifests/24-trixie-slim", Authorization=f"Bearer {token}")
    assert answer.status == 401


def test_saved_image_is_served_once_added(azure: Azure, saved_image: Path) -> None:
    reference = "ghcr.io/openclaw/openclaw:2026.9.6"
    azure.control.set("registry", images={reference: str(saved_image)})
    url = "https://ghcr.io/v2/openclaw/openclaw"
    manifest = pull(azure, f"{url}/manifests/2026.9.6").json
    layer = pull(azure, f"{url}/blobs/{manifest['layers'][0]['digest']}")
    assert layer.body == b"tar" * 100
    assert reference in azure.control.get("registry")["images"]


def test_invalid_image_is_refused(azure: Azure, tmp_path: Path) -> None:
    for images in ({"ghcr.io/a/b": "x"}, {"a:1": str(tmp_path / "missing")}):
        with pytest.raises(ControlError):
            azure.control.set("registry", images=images)


def test_script_and_cut(azure: Azure) -> None:
    url = f"{NODE}/blobs/sha256:{hashlib.sha256(LAYER).hexdigest()}"
    azure.control.set("registry", script=[429, 500])
    assert [pull(azure, url).status for _ in range(3)] == [429, 500, 200]
    azure.control.set("registry", cut_blob_after=100)
    with pytest.raises(http.client.IncompleteRead):
        pull(azure, url)
