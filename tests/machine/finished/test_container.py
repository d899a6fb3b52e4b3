"""The gateway's container, as Docker and the kernel report it."""

from typing import Any

from testinfra.host import Host

from clawbot_agent.config.model import BotConfig

Container = dict[str, Any]


def test_container_runs(container: Container) -> None:
    assert container["State"]["Status"] == "running"
    assert container["State"]["OOMKilled"] is False


def test_no_other_gateway_container_exists(host: Host) -> None:
    names = host.check_output("docker ps --all --format '{{.Names}}'").split()
    assert [name for name in names if name.startswith("openclaw-gateway")] == ["openclaw-gateway"]


def test_container_has_no_privileges(container: Container) -> None:
    settings = container["HostConfig"]
    assert container["Config"]["User"] == "1000:1000"
    assert settings["CapDrop"] == ["ALL"]
    assert not settings["CapAdd"]
    assert settings["SecurityOpt"] == ["no-new-privileges"]
    assert settings["Privileged"] is False
    assert settings["NetworkMode"] == "bridge"
    assert not settings["PidMode"]
    assert settings["Runtime"] == "runc"
    assert 0 < settings["PidsLimit"] <= 4096
    assert not settings["Devices"]


def test_processes_have_no_privileges(host: Host, container: Container) -> None:
    """As the kernel reports them; child processes inherit them."""
    pid = container["State"]["Pid"]
    status = host.check_output(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"1000"}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_docker_does_not_restart_the_container(container: Container) -> None:
    assert container["HostConfig"]["RestartPolicy"]["Name"] in {"", "no"}


def test_stop_timeout_is_long_enough_to_drain(container: Container) -> None:
    assert container["Config"]["StopTimeout"] == 330


def test_port_is_published_on_loopback_only(container: Container) -> None:
    wanted = {"18789/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18789"}]}
    assert container["HostConfig"]["PortBindings"] == wanted


def test_only_state_and_gateway_secrets_are_mounted(
    container: Container, config: BotConfig
) -> None:
    mounts = {one["Destination"]: one for one in container["Mounts"]}
    assert mounts["/home/node/.openclaw"]["Source"] == config.state.path
    assert mounts["/home/node/.openclaw"]["RW"] is True
    secrets = [
        one for one in mounts.values() if one["Source"].startswith("/var/lib/clawbot/secrets")
    ]
    assert [(one["Source"], one["RW"]) for one in secrets] == [
        ("/var/lib/clawbot/secrets/gateway", False)
    ]


def test_cache_and_tmp_are_on_the_local_disk(container: Container, config: BotConfig) -> None:
    """With state files on the share; otherwise they are part of the state."""
    sources = {one["Destination"]: one["Source"] for one in container["Mounts"]}
    found = {name: sources.get(f"/home/node/.openclaw/{name}") for name in ("cache", "tmp")}
    if config.state_backend == "share":
        assert all(source and not source.startswith(config.share.path) for source in found.values())
    else:
        assert set(found.values()) == {None}


def test_container_runs_the_tagged_image(host: Host, container: Container) -> None:
    """The container's label and the tag name the same image id."""
    tag = container["Config"]["Image"]
    built = host.check_output("docker image inspect --format '{{.Id}}' %s", tag)
    assert container["Config"]["Labels"]["org.clawbot.image"] == built == container["Image"]
