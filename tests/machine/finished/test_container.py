"""The gateway's container, as the engine and the kernel see it."""

from typing import Any

from testinfra.host import Host

from clawbot_agent.config.model import BotConfig

Container = dict[str, Any]


def test_it_runs(container: Container) -> None:
    assert container["State"]["Status"] == "running"
    assert container["State"]["OOMKilled"] is False


def test_it_is_the_only_one_of_its_kind(host: Host) -> None:
    names = host.check_output("docker ps --all --format '{{.Names}}'").split()
    assert [name for name in names if name.startswith("openclaw-gateway")] == ["openclaw-gateway"]


def test_it_has_no_rights(container: Container) -> None:
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


def test_its_processes_have_no_rights(host: Host, container: Container) -> None:
    """What the kernel says, of the gateway and everything that it started."""
    pid = container["State"]["Pid"]
    status = host.check_output(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"1000"}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_systemd_starts_it_and_not_the_engine(container: Container) -> None:
    assert container["HostConfig"]["RestartPolicy"]["Name"] in {"", "no"}


def test_a_stop_leaves_time_to_drain(container: Container) -> None:
    assert container["Config"]["StopTimeout"] == 330


def test_its_port_is_the_machines_own(container: Container) -> None:
    wanted = {"18789/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18789"}]}
    assert container["HostConfig"]["PortBindings"] == wanted


def test_it_sees_its_state_and_its_secrets(container: Container, config: BotConfig) -> None:
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
    """With files on the share; else they are in the state."""
    sources = {one["Destination"]: one["Source"] for one in container["Mounts"]}
    found = {name: sources.get(f"/home/node/.openclaw/{name}") for name in ("cache", "tmp")}
    if config.state_backend == "share":
        assert all(source and not source.startswith(config.share.path) for source in found.values())
    else:
        assert set(found.values()) == {None}


def test_it_runs_the_image_that_was_proven(host: Host, container: Container) -> None:
    """Its label names the image's id, and so does the tag."""
    tag = container["Config"]["Image"]
    built = host.check_output("docker image inspect --format '{{.Id}}' %s", tag)
    assert container["Config"]["Labels"]["org.clawbot.image"] == built == container["Image"]
