"""The gateway's container as a Docker API document, and the differences of a real container.

Fields that are not in the document are not compared. The document has all fields that keep the
bot locked down, so that a container started by hand with other rights is detected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UID
from clawbot_agent.core.paths import DOCKER_SOCKET, GATEWAY_SECRETS_DIR
from clawbot_agent.features.gateway.unit import STOP_SECONDS
from clawbot_agent.features.state.names import local_binds

Json = dict[str, Any]

# containers that exist during a replacement only
CANDIDATE: Final = "openclaw-gateway-candidate"
PREVIOUS: Final = "openclaw-gateway-previous"
# paths inside the container
STATE_MOUNT: Final = "/home/node/.openclaw"
SECRETS_MOUNT: Final = "/run/clawbot-secrets"

_IMAGE_LABEL: Final = "org.clawbot.image"
_MANAGED_LABEL: Final = "org.clawbot.managed-by"
_MOST_PROCESSES: Final = 2048
_COMPARED_APART: Final = frozenset({"Env", "Labels", "HostConfig", "ExposedPorts"})
_INSIDE_SOCKET: Final = "/var/run/docker.sock"
_ENVIRONMENT: Final = (
    "HOME=/home/node",
    "OPENCLAW_NO_AUTO_UPDATE=1",
    "OPENCLAW_DISABLE_BONJOUR=1",
    # OpenClaw restarts itself inside the process instead of exiting
    "OPENCLAW_NO_RESPAWN=1",
)


@dataclass(frozen=True, slots=True)
class Image:
    """The properties of a container image that matter here: id and environment."""

    id: str
    environment: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Return the image from Docker's inspect document."""
        environment = (found.get("Config") or {}).get("Env") or ()
        return cls(str(found["Id"]), tuple(environment))


def container_document(config: BotConfig, *, image: Image, socket_gid: int) -> Json:
    """Return the document for POST /containers/create.

    It contains no secret: the token is a file in a read-only mount.
    """
    return {
        "Image": config.image_tag,
        # OpenClaw takes over the lock of a killed gateway only if the host name is the same;
        # otherwise it does not start for 5 min
        "Hostname": GATEWAY_CONTAINER,
        "User": f"{GATEWAY_UID}:{GATEWAY_UID}",
        "Env": list(_ENVIRONMENT),
        "Entrypoint": ["openclaw"],
        "Cmd": ["gateway", "run"],
        "ExposedPorts": {f"{GATEWAY_PORT}/tcp": {}},
        "StopTimeout": STOP_SECONDS,
        "Labels": {_MANAGED_LABEL: "clawbot-agent", _IMAGE_LABEL: image.id},
        "HostConfig": _host_config(config, socket_gid=socket_gid),
    }


def candidate_document(document: Json, *, state: Path) -> Json:
    """Return the same container with its own state directory and no published port or channel.

    A candidate that logged in to Telegram would take messages from the serving gateway.
    """
    host = document["HostConfig"]
    # nothing of the serving gateway's state directory
    other_binds = [bind for bind in host["Binds"] if f":{STATE_MOUNT}" not in bind]
    return {
        **document,
        "Hostname": f"{GATEWAY_CONTAINER}-candidate",
        "Env": [*document["Env"], "OPENCLAW_SKIP_CHANNELS=1"],
        "HostConfig": {
            **host,
            "Binds": [f"{state}:{STATE_MOUNT}", *other_binds],
            "PortBindings": {},
        },
    }


def _host_config(config: BotConfig, *, socket_gid: int) -> Json:
    docker = config.docker
    return {
        "Binds": [
            f"{config.state.path}:{STATE_MOUNT}",
            *local_binds(config, inside=STATE_MOUNT),
            f"{DOCKER_SOCKET}:{_INSIDE_SOCKET}",
            f"{GATEWAY_SECRETS_DIR}:{SECRETS_MOUNT}:ro",
        ],
        "GroupAdd": [str(socket_gid)],
        "PortBindings": {
            f"{GATEWAY_PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(GATEWAY_PORT)}]
        },
        "NetworkMode": "bridge",
        # not Sysbox, which is for sandboxes and cannot bind-mount CIFS
        "Runtime": "runc",
        "Init": True,
        "CapAdd": [],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
        "Devices": [],
        "DeviceRequests": [],
        "Mounts": [],
        "VolumesFrom": [],
        "PidsLimit": _MOST_PROCESSES,
        "Memory": config.gateway.memory_limit_bytes or 0,
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": docker.log_max_size, "max-file": str(docker.log_max_file)},
        },
        # systemd restarts the gateway, because it can tie it to the mount of the bot data. With
        # any other policy Docker would start it after a power loss
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    }


def differences(document: Json, found: Mapping[str, Any], *, image: Image) -> tuple[str, ...]:
    """Return the names of the fields in which an inspected container differs from `document`."""
    config, host = found.get("Config") or {}, found.get("HostConfig") or {}
    named = [
        key
        for key, wanted in document.items()
        if key not in _COMPARED_APART and not _same(wanted, config.get(key))
    ]
    # Docker adds the image's exposed ports; only published ports are reachable
    if not set(document["ExposedPorts"]) <= set(config.get("ExposedPorts") or ()):
        named.append("ExposedPorts")
    of_image = set(image.environment)
    if set(config.get("Env") or ()) - of_image != set(document["Env"]) - of_image:
        named.append("Env")
    labels = config.get("Labels") or {}
    if any(labels.get(key) != value for key, value in document["Labels"].items()):
        other_image = labels.get(_IMAGE_LABEL) != document["Labels"][_IMAGE_LABEL]
        named.append("Image" if other_image else "Labels")
    named += [
        key for key, wanted in document["HostConfig"].items() if not _same(wanted, host.get(key))
    ]
    return tuple(dict.fromkeys(named))


def _same(wanted: object, found: object) -> bool:
    # Docker shows empty values as null, {}, [], "" or 0, depending on its version
    if not wanted or not found:
        return not wanted and not found
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, wanted)) == sorted(map(str, found))
    return wanted == found
