"""What is installed, what runs, and what would run after a reboot."""

import pytest
from testinfra.host import Host

from clawbot_agent.config.model import BotConfig

Units = dict[str, dict[str, str]]

STARTED_AT_BOOT = (
    "clawbot-agent.service",
    "clawbot-events.service",
    "clawbot-reconcile.timer",
    "clawbot-sidecar.service",
    "docker.service",
    "caddy.service",
)
STARTED_BY_THE_AGENT = ("clawbot-gateway.service", "clawbot-lease.service", "clawbot-ticket.timer")
RUNNING = (
    "clawbot-events.service",
    "clawbot-reconcile.timer",
    "clawbot-sidecar.service",
    "clawbot-gateway.service",
    "docker.service",
    "caddy.service",
)


@pytest.fixture(scope="module")
def units(host: Host) -> Units:
    """Properties of all units of interest, by name."""
    names = " ".join(dict.fromkeys((*STARTED_AT_BOOT, *STARTED_BY_THE_AGENT, *RUNNING)))
    properties = "Id,LoadState,ActiveState,UnitFileState,Result"
    shown = host.check_output(f"systemctl show --property={properties} {names}")
    blocks = (dict(line.split("=", 1) for line in one.splitlines()) for one in shown.split("\n\n"))
    return {block["Id"]: block for block in blocks}


def test_packages(host: Host, config: BotConfig) -> None:
    """Of the share's only what its kind needs; a directory needs nothing."""
    wanted = {"ca-certificates", "caddy", "curl", "docker.io", "iproute2"}
    if config.share.azure_files is not None:
        wanted |= {"cifs-utils", "keyutils"}
    listed = host.check_output("dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n'")
    installed = {
        name for name, status in map(str.split, listed.splitlines()) if status == "installed"
    }
    assert wanted - installed == set()


def test_no_package_is_half_way(host: Host) -> None:
    assert host.check_output("dpkg --audit") == ""


@pytest.mark.parametrize("name", ["clawbot-events.service", "clawbot-lease.service"])
def test_units_that_unmount_bot_data_share_the_hosts_mounts(
    host: Host, units: Units, name: str
) -> None:
    """In a namespace of its own a mount would live on after it was unmounted."""
    if units[name]["ActiveState"] != "active":
        pytest.skip(f"{name} does not run here")
    pid = host.check_output(f"systemctl show --value --property=MainPID {name}")
    seen = host.check_output(f"readlink /proc/1/ns/mnt /proc/{pid}/ns/mnt").split()
    assert seen == [seen[0]] * 2


@pytest.mark.parametrize("name", STARTED_AT_BOOT)
def test_started_at_boot(units: Units, name: str) -> None:
    assert units[name]["UnitFileState"] == "enabled"


@pytest.mark.parametrize("name", STARTED_BY_THE_AGENT)
def test_not_started_at_boot(units: Units, name: str) -> None:
    """Only a run of the agent knows that the state is there."""
    assert units[name]["UnitFileState"] in {"static", "disabled", "linked"}


@pytest.mark.parametrize("name", RUNNING)
def test_running(units: Units, name: str) -> None:
    assert units[name]["ActiveState"] == "active"


def test_the_lease_is_held_where_the_state_is_shared(units: Units, config: BotConfig) -> None:
    wanted = "inactive" if config.state_backend == "local" else "active"
    assert units["clawbot-lease.service"]["ActiveState"] == wanted


def test_tickets_are_renewed_where_they_are_used(units: Units, config: BotConfig) -> None:
    share = config.share.azure_files
    used = share is not None and share.auth == "managed-identity"
    assert units["clawbot-ticket.timer"]["ActiveState"] == ("active" if used else "inactive")


def test_the_run_of_the_last_boot_succeeded(units: Units) -> None:
    assert units["clawbot-agent.service"]["Result"] == "success"


def test_no_unit_failed(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --plain --no-legend") == ""
