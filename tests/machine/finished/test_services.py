"""The packages that are installed, and the units that run now and after a reboot."""

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
    """Return the properties of the units under test, by name."""
    names = " ".join(dict.fromkeys((*STARTED_AT_BOOT, *STARTED_BY_THE_AGENT, *RUNNING)))
    properties = "Id,LoadState,ActiveState,UnitFileState,Result"
    shown = host.check_output(f"systemctl show --property={properties} {names}")
    blocks = (dict(line.split("=", 1) for line in one.splitlines()) for one in shown.split("\n\n"))
    return {block["Id"]: block for block in blocks}


def test_packages_are_installed(host: Host, config: BotConfig) -> None:
    """Those for SMB only with an Azure Files share."""
    wanted = {"ca-certificates", "caddy", "curl", "docker.io", "iproute2"}
    if config.share.azure_files is not None:
        wanted |= {"cifs-utils", "keyutils"}
    listed = host.check_output("dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n'")
    installed = {
        name for name, status in map(str.split, listed.splitlines()) if status == "installed"
    }
    assert wanted - installed == set()


def test_no_package_is_half_installed(host: Host) -> None:
    assert host.check_output("dpkg --audit") == ""


@pytest.mark.parametrize("name", ["clawbot-events.service", "clawbot-lease.service"])
def test_unit_that_unmounts_bot_data_has_no_mount_namespace(
    host: Host, units: Units, name: str
) -> None:
    """In another mount namespace, a mount would remain after it was unmounted."""
    if units[name]["ActiveState"] != "active":
        pytest.skip(f"{name} is not running")
    pid = host.check_output(f"systemctl show --value --property=MainPID {name}")
    seen = host.check_output(f"readlink /proc/1/ns/mnt /proc/{pid}/ns/mnt").split()
    assert seen == [seen[0]] * 2


@pytest.mark.parametrize("name", STARTED_AT_BOOT)
def test_unit_is_enabled(units: Units, name: str) -> None:
    assert units[name]["UnitFileState"] == "enabled"


@pytest.mark.parametrize("name", STARTED_BY_THE_AGENT)
def test_unit_is_not_enabled(units: Units, name: str) -> None:
    """The agent starts it during a run, when the state is mounted."""
    assert units[name]["UnitFileState"] in {"static", "disabled", "linked"}


@pytest.mark.parametrize("name", RUNNING)
def test_unit_is_running(units: Units, name: str) -> None:
    assert units[name]["ActiveState"] == "active"


def test_lease_daemon_runs_if_the_state_is_shared(units: Units, config: BotConfig) -> None:
    wanted = "inactive" if config.state_backend == "local" else "active"
    assert units["clawbot-lease.service"]["ActiveState"] == wanted


def test_ticket_timer_runs_if_tickets_are_used(units: Units, config: BotConfig) -> None:
    share = config.share.azure_files
    used = share is not None and share.auth == "managed-identity"
    assert units["clawbot-ticket.timer"]["ActiveState"] == ("active" if used else "inactive")


def test_run_at_boot_succeeded(units: Units) -> None:
    assert units["clawbot-agent.service"]["Result"] == "success"


def test_no_unit_failed(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --plain --no-legend") == ""
