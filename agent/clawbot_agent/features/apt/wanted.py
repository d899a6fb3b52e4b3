"""Which packages a bot needs."""

from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.host.files import Files

__all__ = ["is_cli_apart", "wanted_packages"]

_PACKAGES: Final = (
    "busybox-static",
    "ca-certificates",
    "caddy",
    "cifs-utils",
    "curl",
    "docker.io",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "jq",
    "keyutils",
    "kmod",
)
_DOCKER_CLI: Final = "docker-cli"
# what Sysbox's package depends on: here they cost no transaction of their own
_SYSBOX_PACKAGES: Final = ("fuse3", "lsb-release", "rsync")
_OS_RELEASE: Final = Path("/etc/os-release")
# Debian 13 took `docker` out of docker.io; Ubuntu has it there
_CLI_APART_SINCE: Final = 13


def wanted_packages(config: BotConfig, *, cli_apart: bool) -> tuple[str, ...]:
    """Names of the packages that have to be installed."""
    return (
        *_PACKAGES,
        *((_DOCKER_CLI,) if cli_apart else ()),
        *(_SYSBOX_PACKAGES if config.sysbox.enabled else ()),
    )


def is_cli_apart(files: Files) -> bool:
    """Whether docker's command line is a package of its own in this distribution."""
    text = files.read_text(_OS_RELEASE) or ""
    pairs = (line.partition("=") for line in text.splitlines())
    found = {key: value.strip("\"'") for key, _, value in pairs}
    number = found.get("VERSION_ID", "")
    # testing and unstable have no number
    is_new = not number.isdigit() or int(number) >= _CLI_APART_SINCE
    return found.get("ID") == "debian" and is_new
