import http.client
from pathlib import Path

import pytest

from tests.bench.azure.control import ControlError
from tests.contract.bench_azure.conftest import ASSET, ASSET_PATH, Azure

RELEASE = f"https://github.com{ASSET_PATH}"


@pytest.fixture
def location(azure: Azure) -> str:
    answer = azure.ask(RELEASE)
    assert answer.status == 302
    return str(answer.headers["Location"])


def test_release_redirects_to_the_asset_host(azure: Azure, location: str) -> None:
    assert location.startswith("https://release-assets.githubusercontent.com/")
    answer = azure.ask(location)
    assert (answer.status, answer.body) == (200, ASSET)
    assert answer.headers["Content-Length"] == str(len(ASSET))
    assert answer.headers["Content-Disposition"].endswith("sysbox-ce_0.6.7.linux_amd64.deb")


def test_head_has_the_length_and_no_body(azure: Azure, location: str) -> None:
    answer = azure.ask(location, method="HEAD")
    assert (answer.headers["Content-Length"], answer.body) == (str(len(ASSET)), b"")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("bytes=1000-1999", ASSET[1000:2000]), ("bytes=-10", ASSET[-10:]), ("bytes=5-", ASSET[5:])],
)
def test_ranges(azure: Azure, location: str, asked: str, expected: bytes) -> None:
    answer = azure.ask(location, Range=asked)
    assert (answer.status, answer.body) == (206, expected)
    assert answer.headers["Content-Range"].endswith(f"/{len(ASSET)}")


def test_range_beyond_the_end_is_refused(azure: Azure, location: str) -> None:
    assert azure.ask(location, Range=f"bytes={len(ASSET)}-").status == 416


def test_unknown_release(azure: Azure) -> None:
    assert azure.ask("https://github.com/nestybox/sysbox/releases/download/v9/x.deb").status == 404


def test_corrupt_changes_one_byte(azure: Azure, location: str) -> None:
    azure.control.set("github", corrupt=True)
    body = azure.ask(location).body
    assert len(body) == len(ASSET)
    assert sum(left != right for left, right in zip(body, ASSET, strict=True)) == 1


def test_truncate_drops_the_connection(azure: Azure, location: str) -> None:
    azure.control.set("github", truncate=100_000)
    with pytest.raises(http.client.IncompleteRead) as caught:
        azure.ask(location)
    assert len(caught.value.partial) == 100_000


def test_html_error_page_with_200(azure: Azure, location: str) -> None:
    azure.control.set("github", html=True)
    answer = azure.ask(location)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_status(azure: Azure, location: str) -> None:
    azure.control.set("github", status=503)
    assert azure.ask(location).status == 503
    azure.control.reset()
    assert azure.ask(location).status == 200


def test_added_asset_survives_a_reset(azure: Azure, tmp_path: Path) -> None:
    (tmp_path / "asset").write_bytes(b"new")
    azure.control.set(
        "github", assets={"/owner/name/releases/download/v1/x": str(tmp_path / "asset")}
    )
    azure.control.reset()
    answer = azure.ask("https://github.com/owner/name/releases/download/v1/x")
    assert azure.ask(str(answer.headers["Location"])).body == b"new"


def test_asset_that_is_not_a_file_is_refused(azure: Azure, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="missing"):
        azure.control.set("github", assets={"/x": str(tmp_path / "missing")})
