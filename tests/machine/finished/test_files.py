"""Modes and owners of files; secrets are in their own files only."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from testinfra.host import Host

from clawbot_agent.config.model import BotConfig

SECRETS = "/var/lib/clawbot/secrets"
TOKEN = f"{SECRETS}/gateway/token"
GATEWAY = "1000:1000"
ROOT = "0:0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The expected output of `stat` for a path."""

    path: str
    kind: str
    mode: str
    owner: str = ROOT


def everywhere(config: BotConfig) -> list[Wanted]:
    """Return the paths that every bot has."""
    return [
        Wanted("/var/lib/clawbot/status.json", "regular file", "644"),
        Wanted(SECRETS, "directory", "700"),
        Wanted(f"{SECRETS}/gateway", "directory", "500", GATEWAY),
        Wanted(TOKEN, "regular file", "400", GATEWAY),
        Wanted(config.state.path, "directory", "700", GATEWAY),
        Wanted(f"{config.state.path}/openclaw.json", "regular file", "600", GATEWAY),
    ]


def of_this_bot(config: BotConfig) -> list[Wanted]:
    """Return the paths that depend on the configuration."""
    wanted = []
    share = config.share.azure_files
    if share is not None and share.auth == "account-key":
        wanted.append(Wanted("/etc/smbcredentials", "directory", "700"))
        key = f"/etc/smbcredentials/{share.account}.cred"
        wanted.append(Wanted(key, "regular file", "600"))
    if config.secrets.openclaw_config is not None:
        wanted.append(Wanted(f"{SECRETS}/openclaw.json", "regular file", "600"))
    if config.state_backend != "local":
        wanted.append(Wanted("/run/clawbot/lease.json", "regular file", "644"))
    return wanted


def test_modes_and_owners(host: Host, config: BotConfig) -> None:
    wanted = [*everywhere(config), *of_this_bot(config)]
    paths = " ".join(f"'{one.path}'" for one in wanted)
    # absent paths are missing in the output
    listed = host.run(f"stat --format '%F|%a|%u:%g|%n' -- {paths}").stdout
    found = set(listed.replace("regular empty file", "regular file").splitlines())
    expected = {f"{one.kind}|{one.mode}|{one.owner}|{one.path}" for one in wanted}
    assert expected - found == set()


def test_only_root_can_write_what_root_runs(host: Host) -> None:
    """Programs, units and configuration belong to root, and no other user can write them."""
    programs = "/opt/clawbot /usr/local/bin/clawbot-agent /etc/clawbot /etc/docker /etc/caddy"
    units = "/etc/systemd/system /run/systemd/system"
    odd = "'(' -not -user root -or -perm /022 ')' -not -type l -print"
    found = host.run(f"find {programs} -xdev {odd}; find {units} -name 'clawbot*' {odd}")
    assert found.stdout == ""


def test_local_secrets_are_readable_by_root_only(host: Host, config: BotConfig) -> None:
    if config.secrets.source != "directory":
        pytest.skip("the secrets are in Key Vault")
    found = host.check_output(f"find {config.secrets.path} -not -user root -or -perm /077 -print")
    assert found == ""
    assert config.secrets.gateway_token in host.check_output("ls %s", config.secrets.path).split()


def test_daemon_json_has_the_configured_values(host: Host, config: BotConfig) -> None:
    """It has several lines: Sysbox's package reads the file with a line-wise grep."""
    text = host.check_output("cat /etc/docker/daemon.json")
    assert json.loads(text)["bip"] == config.docker.bip
    assert json.loads(text)["log-opts"]["max-size"] == config.docker.log_max_size
    assert len(text.splitlines()) > 1


def test_command_is_the_installed_agent(host: Host) -> None:
    found = host.check_output("readlink --canonicalize /usr/local/bin/clawbot-agent")
    assert Path(found).is_relative_to("/opt/clawbot")


def search_for_token(host: Host, command: str) -> str:
    """Return the output of a command line that ends in grep; the token never leaves the machine."""
    done = host.run(f"{command} -aFf {TOKEN}")
    assert done.rc in {0, 1, 123}, done.stderr
    return done.stdout.strip()


def test_token_search_finds_the_token(host: Host) -> None:
    assert search_for_token(host, f"grep --count {TOKEN}") == "1"


@pytest.mark.parametrize(
    "source",
    [
        "docker inspect openclaw-gateway",
        "journalctl --no-pager --output=cat",
        "ps axeww --format args",
        "cat /proc/mounts /var/lib/clawbot/status.json",
    ],
)
def test_token_is_not_shown(host: Host, source: str) -> None:
    assert search_for_token(host, f"{source} | grep --count") == "0"


def test_token_is_in_no_other_file(host: Host, config: BotConfig) -> None:
    """Except in the gateway's own files and in the local directory of secrets."""
    places = "/etc /run /root /tmp /var/log /var/tmp"
    skip = f"-path {config.secrets.path} -prune"
    files = f"find {places} -xdev {skip} -or -type f -size -64M -print0"
    options = "xargs --null --no-run-if-empty grep --files-with-matches"
    assert search_for_token(host, f"{files} | {options}") == ""
