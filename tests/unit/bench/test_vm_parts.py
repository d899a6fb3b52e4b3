import base64
import os
import shlex
import xml.etree.ElementTree as ET  # parses only text that the bench wrote
from pathlib import Path

import pytest

from tests.bench.errors import BenchError
from tests.bench.network import Network
from tests.bench.vm import acceleration, provisioning, qemu, ssh, wire
from tests.bench.vm.disk import Disk
from tests.bench.vm.fleet import next_number
from tests.bench.vm.qemu import Folder, Hardware
from tests.support.user_mode import argv_of

_WA = "{http://schemas.microsoft.com/windowsazure}"
_DISK = Disk(Path("/c/disk.raw"), Path("/c/vmlinuz"), Path("/c/initrd.img"))
_HARDWARE = Hardware(
    name="one",
    number=5,
    uuid="11111111-2222-3333-4444-555555555555",
    memory_mb=2048,
    cpus=1,
    kernel="/c/vmlinuz",
    initrd="/c/initrd.img",
    acceleration=acceleration.EMULATED,
)


def test_provisioning_document_has_the_custom_data_unchanged() -> None:
    given = b"#cloud-config\n\xff<&>\n"
    root = ET.fromstring(provisioning.ovf_env(hostname="a<b", custom_data=given))  # noqa: S314 - ours
    texts = {element.tag.removeprefix(_WA): element.text for element in root.iter()}
    assert base64.b64decode(texts["CustomData"] or "") == given
    assert texts["HostName"] == "a<b"
    assert texts["DisableSshPasswordAuthentication"] == "true"


def test_provisioning_document_omits_missing_custom_data() -> None:
    assert "CustomData" not in provisioning.ovf_env(hostname="a", custom_data=b"")


def test_custom_data_above_azures_limit_is_refused() -> None:
    with pytest.raises(BenchError, match="65536 bytes"):
        provisioning.ovf_env(hostname="a", custom_data=b"x" * 65_536)


def test_dhcp_sends_a_fixed_address_and_routes_to_the_platform() -> None:
    net = Network(3)
    argv = wire.dhcp_arguments(net, Path("/run/x"))
    assert "--dhcp-host=00:0d:3a:61:03:04,10.61.3.4" in argv
    assert "--dhcp-host=00:0d:3a:61:03:05,10.61.3.5" in argv
    routes = next(word for word in argv if "classless-static-route" in word)
    assert "168.63.129.16/32,10.61.3.1" in routes
    assert "169.254.169.254/32,10.61.3.1" in routes
    assert "--dhcp-option-force=245,168.63.129.16" in argv


def test_new_instance_gets_another_address_than_its_predecessor() -> None:
    assert next_number(set(), last=None) == 4
    assert next_number(set(), last=4) == 5
    assert next_number({5}, last=4) == 6
    assert next_number({4}, last=wire.NUMBERS[-1]) == 5
    with pytest.raises(BenchError):
        next_number(set(wire.NUMBERS), last=9)


def test_firmware_has_azures_asset_tag_and_the_uuid() -> None:
    argv = qemu.arguments(_HARDWARE, Folder(Path("/v/one")), mac="00:0d:3a:61:03:05", tap="tap5")
    firmware = [argv[place + 1] for place, word in enumerate(argv) if word == "-smbios"]
    assert any(f"asset={qemu.CHASSIS_TAG}" in entry for entry in firmware)
    assert any(f"uuid={_HARDWARE.uuid}" in entry for entry in firmware)
    assert "virtio-net-pci,netdev=net,mac=00:0d:3a:61:03:05,romfile=" in argv


def test_flushed_writes_reach_the_hosts_page_cache() -> None:
    argv = qemu.arguments(_HARDWARE, Folder(Path("/v/one")), mac="m", tap="tap5")
    assert any("/v/one/disk.qcow2" in word and "cache=writeback" in word for word in argv)


def test_user_mode_kernel_writes_only_to_its_own_file() -> None:
    argv = argv_of(5)
    assert "ubd0=/v/one/disk.cow,/c/disk.raw" in argv
    assert "ubd1r=/v/one/provisioning.iso" in argv
    assert "vec0:transport=tap,ifname=tap5,mac=00:0d,gro=1" in argv
    assert argv.index("/c/linux.uml") > argv.index("/c/lib")


def test_user_mode_kernels_are_pinned_to_different_processors() -> None:
    chosen = [argv[argv.index("--cpu-list") + 1] for argv in map(argv_of, (4, 5))]
    assert all(int(processor) < (os.cpu_count() or 1) for processor in chosen)
    assert len(set(chosen)) == min(2, os.cpu_count() or 1)


def test_acceleration_is_probed_once_for_each_kernel(tmp_path: Path) -> None:
    asked: list[Disk] = []

    def probe(disk: Disk) -> bool:
        asked.append(disk)
        return len(asked) > 1

    other = Disk(Path("/d/disk.raw"), Path("/d/vmlinuz"), Path("/d/initrd.img"))
    found = [acceleration.remembered(tmp_path, disk, probe) for disk in (_DISK, _DISK, other)]
    assert found == [False, False, True]
    assert asked == [_DISK, other]


def test_command_arguments_are_preserved_over_ssh(tmp_path: Path) -> None:
    access = ssh.Ssh("one", tmp_path, "group")
    argv = ("printf", "%s\n", "it's", "$HOME")
    assert shlex.split(access.enter(argv)[-1]) == list(argv)
    script = "echo \"$0\"; echo '$x'"
    assert shlex.split(access.enter(script)[-1]) == ["/bin/bash", "-c", script]
