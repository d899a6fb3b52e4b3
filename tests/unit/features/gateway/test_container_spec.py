"""The container's document, and each field in which a container can differ from it."""

import json
from copy import deepcopy
from typing import Any

import pytest

from clawbot_agent.core.paths import CANDIDATE_STATE_DIR
from clawbot_agent.features.gateway.container_spec import (
    Image,
    candidate_document,
    container_document,
    differences,
)
from tests.fakes.config import a_config

IMAGE = Image("sha256:1", ("PATH=/bin", "NODE_VERSION=24"))
DOCUMENT = container_document(a_config(), image=IMAGE, socket_gid=106)


def _inspected() -> dict[str, Any]:
    """Return Docker's inspect document of a container created from the document."""
    shown = deepcopy(DOCUMENT)
    host = shown.pop("HostConfig")
    shown["Env"] = [*shown["Env"], *IMAGE.environment]
    shown["Labels"] = {**shown["Labels"], "org.clawbot.openclaw.version": "2026.9.6"}
    host |= {"CapAdd": None, "Devices": None, "ShmSize": 67108864}
    return {"Config": shown, "HostConfig": host}


def test_a_container_created_from_the_document_does_not_differ() -> None:
    assert differences(DOCUMENT, _inspected(), image=IMAGE) == ()


@pytest.mark.parametrize(
    "key", [*sorted(set(DOCUMENT) - {"HostConfig", "Env", "Labels"}), "Env", "Labels"]
)
def test_a_different_setting_is_named(key: str) -> None:
    found = _inspected()
    found["Config"][key] = {} if key == "Labels" else ["other=1"]
    name = "Image" if key == "Labels" else key
    assert differences(DOCUMENT, found, image=IMAGE) == (name,)


@pytest.mark.parametrize("key", sorted(DOCUMENT["HostConfig"]))
def test_a_different_host_setting_is_named(key: str) -> None:
    found = _inspected()
    found["HostConfig"][key] = ["other"]
    assert differences(DOCUMENT, found, image=IMAGE) == (key,)


def test_a_rebuilt_image_of_the_same_name_is_detected() -> None:
    newer = Image("sha256:2", IMAGE.environment)
    document = container_document(a_config(), image=newer, socket_gid=106)
    assert differences(document, _inspected(), image=newer) == ("Image",)


def test_a_token_in_the_environment_is_detected() -> None:
    found = _inspected()
    found["Config"]["Env"].append("OPENCLAW_GATEWAY_TOKEN=x")
    assert differences(DOCUMENT, found, image=IMAGE) == ("Env",)


def test_the_document_is_locked_down() -> None:
    host = DOCUMENT["HostConfig"]
    assert DOCUMENT["User"] == "1000:1000"
    assert DOCUMENT["StopTimeout"] == 330
    assert "HOME=/home/node" in DOCUMENT["Env"]
    assert host["PortBindings"] == {"18789/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18789"}]}
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["Runtime"] == "runc"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["GroupAdd"] == ["106"]
    assert "TOKEN" not in json.dumps(DOCUMENT)


def test_configuration_reaches_the_document() -> None:
    config = a_config(
        gateway={"memory_limit": "3g"},
        docker={"log_max_size": "5m", "log_max_file": 2},
        state={"path": "/srv/bot"},
    )
    host = container_document(config, image=IMAGE, socket_gid=1)["HostConfig"]
    assert host["Memory"] == 3 * 1024**3
    assert host["LogConfig"]["Config"] == {"max-size": "5m", "max-file": "2"}
    assert host["Binds"][0] == "/srv/bot:/home/node/.openclaw"


def test_a_candidate_shares_nothing_with_the_serving_gateway() -> None:
    candidate = candidate_document(DOCUMENT, state=CANDIDATE_STATE_DIR)
    host = candidate["HostConfig"]
    assert host["PortBindings"] == {}
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["Binds"][0] == "/var/lib/clawbot/candidate:/home/node/.openclaw"
    assert host["Binds"][1:] == DOCUMENT["HostConfig"]["Binds"][1:]
    assert "OPENCLAW_SKIP_CHANNELS=1" in candidate["Env"]
    assert host["CapDrop"] == DOCUMENT["HostConfig"]["CapDrop"]


def test_a_port_exposed_by_the_image_is_no_drift() -> None:
    found = _inspected()
    found["Config"]["ExposedPorts"] = {"18789/tcp": {}, "9/tcp": {}}
    assert differences(DOCUMENT, found, image=IMAGE) == ()
    found["Config"]["ExposedPorts"] = None
    assert differences(DOCUMENT, found, image=IMAGE) == ("ExposedPorts",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Mounts", [{"Type": "bind", "Source": "/", "Target": "/host"}]),
        ("IpcMode", "host"),
        ("UsernsMode", "host"),
        ("VolumesFrom", ["other"]),
    ],
)
def test_weaker_isolation_is_drift(key: str, value: object) -> None:
    found = _inspected()
    found["HostConfig"][key] = value
    assert differences(DOCUMENT, found, image=IMAGE) == (key,)
