"""The share, the bot data and the lease are where the configuration says."""

import json
from typing import Any

import pytest
from testinfra.host import Host

from clawbot_agent.config.model import BotConfig


def mount_on(host: Host, path: str) -> dict[str, Any] | None:
    """Return the mount at `path` from the kernel's table, without a request to the share."""
    done = host.run("findmnt --json --kernel --mountpoint %s", path)
    found: list[dict[str, Any]] = json.loads(done.stdout)["filesystems"] if done.rc == 0 else []
    return found[-1] if found else None


def options_of(mount: dict[str, Any]) -> set[str]:
    return set(str(mount["options"]).split(","))


@pytest.mark.usefixtures("azure_files")
def test_share_is_mounted(host: Host, config: BotConfig) -> None:
    """With locks that the server enforces, for root only."""
    mount, share = mount_on(host, config.share.path), config.share.azure_files
    assert mount is not None
    assert share is not None
    assert (mount["fstype"], mount["source"]) == ("cifs", share.unc)
    options = options_of(mount)
    wanted = {"vers=3.1.1", "hard", "nosharesock", "serverino", "mfsymlinks", "uid=0", "gid=0"}
    assert wanted | {"file_mode=0600", "dir_mode=0700"} <= options
    assert not options & {"nobrl", "soft"}


def test_directory_share_is_a_directory(host: Host, config: BotConfig) -> None:
    if config.share.azure_files is not None:
        pytest.skip("the share is mounted")
    assert host.check_output("stat --format %%F %s", config.share.path) == "directory"


def test_state_is_on_its_configured_backend(host: Host, config: BotConfig) -> None:
    mount = mount_on(host, config.state.path)
    backend = config.state_backend
    if backend == "local":
        assert mount is None
        return
    assert mount is not None
    options = options_of(mount)
    assert "rw" in options
    if backend == "image":
        assert mount["fstype"] == "ext4"
        # writes to the share are billed: the journal takes them, blocks are written in place late
        assert {"noatime", "data=journal"} <= options
        for key in ("vm.dirty_expire_centisecs", "vm.dirty_writeback_centisecs"):
            assert host.check_output(f"sysctl -n {key}") == "60000"
    else:
        assert mount["fstype"] == "cifs"
        assert {"nobrl", "uid=1000", "gid=1000", "file_mode=0600", "dir_mode=0700"} <= options


def test_mounted_data_image_is_the_one_on_the_share(host: Host, config: BotConfig) -> None:
    """Through exactly one loop device: a second mount would destroy the file system."""
    if config.state_backend != "image":
        pytest.skip("the state is not in a data image")
    mount = mount_on(host, config.state.path)
    assert mount is not None
    listed = host.check_output("losetup --list --noheadings --output NAME,BACK-FILE")
    images = [line.split(None, 1) for line in listed.splitlines() if config.share.path in line]
    assert [name for name, _file in images] == [mount["source"]]
    assert images[0][1].startswith(f"{config.share.path}/state/state-")


def test_lease_is_held(host: Host, config: BotConfig) -> None:
    if config.state_backend == "local":
        pytest.skip("the state is not shared")
    lease = json.loads(host.check_output("cat /run/clawbot/lease.json"))
    boot = host.check_output("cat /proc/sys/kernel/random/boot_id")
    assert lease["state"] == "held"
    assert lease["holder"]["boot_id"] == boot


def test_state_has_openclaws_files(host: Host, config: BotConfig) -> None:
    names = set(host.check_output("ls -A %s", config.state.path).splitlines())
    assert {"openclaw.json", "state"} <= names
    database = f"{config.state.path}/state/openclaw.sqlite"
    found = host.check_output("stat --format '%%u %%a %%s' %s", database)
    owner, mode, size = found.split()
    assert (owner, mode[1:]) == ("1000", "00")
    assert int(size) > 0
