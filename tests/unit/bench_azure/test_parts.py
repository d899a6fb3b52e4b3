import ipaddress
import json
from pathlib import Path

import pytest

from tests.bench.azure import ADDRESSES, NAMES, host_trust, sysbox_deb
from tests.bench.azure.downloads import file_reply
from tests.bench.azure.image_store import ImageError, split_reference
from tests.bench.azure.imds_document import Instance, descend, document, listing
from tests.bench.azure.layout import read_image, write_image
from tests.bench.azure.messages import FilePart, Request

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def test_every_name_has_its_own_address() -> None:
    assert set(NAMES.values()) == set(ADDRESSES)
    assert len(set(ADDRESSES.values())) == len(ADDRESSES)
    assert all(
        ipaddress.ip_address(address) in ipaddress.ip_network("100.64.0.0/24")
        for address in ADDRESSES.values()
    )


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("node:24", ("registry-1.docker.io/library/node", "24")),
        ("a/b:1", ("registry-1.docker.io/a/b", "1")),
        ("docker.io/a/b:1", ("registry-1.docker.io/a/b", "1")),
        ("ghcr.io/a/b:1", ("ghcr.io/a/b", "1")),
    ],
)
def test_reference_is_split(reference: str, expected: tuple[str, str]) -> None:
    assert split_reference(reference) == expected


@pytest.mark.parametrize("reference", ["node", "host:5000/node", ""])
def test_reference_without_a_tag_is_refused(reference: str) -> None:
    with pytest.raises(ImageError):
        split_reference(reference)


def test_document_has_the_requesting_address() -> None:
    interface = document("10.61.3.4", Instance(mac="000D3A610304"), {})["network"]["interface"][0]
    assert interface["ipv4"]["ipAddress"][0]["privateIpAddress"] == "10.61.3.4"
    assert interface["macAddress"] == "000D3A610304"
    assert interface["ipv4"]["subnet"] == [{"address": "10.61.3.0", "prefix": "24"}]


def test_every_leaf_of_the_document_is_a_string() -> None:
    def leaves(node: object) -> list[object]:
        if isinstance(node, dict):
            node = list(node.values())
        return (
            [leaf for child in node for leaf in leaves(child)] if isinstance(node, list) else [node]
        )

    assert all(isinstance(leaf, str) for leaf in leaves(document("10.0.0.4", Instance(), {})))


def test_documents_of_two_instances_differ() -> None:
    one, two = (
        document("10.0.0.4", Instance(name=f"vm_{name}", vm_id=name, hostname=name), {})["compute"]
        for name in ("one", "two")
    )
    differing = {name for name in one if one[name] != two[name]}
    assert differing == {"name", "osProfile", "resourceId", "storageProfile", "vmId"}
    assert "vm_two" in json.dumps(two["storageProfile"]["osDisk"])
    assert "vm_one" not in json.dumps(two)


def test_document_paths_are_followed() -> None:
    content = document("10.0.0.4", Instance(), {})
    steps = ["network", "interface", "0", "macAddress"]
    assert descend(content, steps) == "000D3A0B1C2D"
    assert listing(content["network"]["interface"]) == "0/"
    for astray in (["nowhere"], ["network", "interface", "1"], [*steps, "deeper"]):
        with pytest.raises(KeyError):
            descend(content, astray)


@pytest.mark.parametrize(
    ("asked", "status", "start", "length"),
    [
        ("", 200, 0, 10),
        ("bytes=0-", 206, 0, 10),
        ("bytes=2-3", 206, 2, 2),
        ("bytes=8-99", 206, 8, 2),
        ("bytes=-3", 206, 7, 3),
        ("bytes=-99", 206, 0, 10),
        ("bytes=-", 200, 0, 10),
        ("lines=1-2", 200, 0, 10),
    ],
)
def test_byte_ranges(tmp_path: Path, asked: str, status: int, start: int, length: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    reply = file_reply(Request("GET", "/", headers={"range": asked}), file)
    assert (reply.status, reply.body) == (status, FilePart(file, start, length))


def test_certificates_in_debians_list_are_not_extra(tmp_path: Path) -> None:
    packaged, bundle = tmp_path / "packaged", tmp_path / "bundle.crt"
    packaged.mkdir()
    shipped, own = PEM.format("AAAA"), PEM.format("BBBB")
    (packaged / "shipped.crt").write_text(shipped)
    bundle.write_text(shipped + own)
    assert host_trust.extra_certificates(bundle=bundle, packaged=packaged) == [own]


def test_image_is_read_as_written(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.write_bytes(b"layer")
    write_image(tmp_path, config=b"{}", layers=(layer,))
    image = read_image(tmp_path)
    assert [path.read_bytes() for path in image.blobs.values()] == [b"{}", b"layer"]
    assert all(path.name == digest.removeprefix("sha256:") for digest, path in image.blobs.items())


def test_sysbox_cache_inputs_cover_its_files() -> None:
    inputs = sysbox_deb.inputs("0.6.7", "amd64")
    assert {"control", "config", "postinst", "sysbox-runc"} <= set(inputs)
    assert inputs != sysbox_deb.inputs("0.7.1", "amd64")
    assert sysbox_deb.file_name("0.6.7", "arm64") == "sysbox-ce_0.6.7.linux_arm64.deb"
