"""The gateway's container as the engine's own document, and what in it differs.

What is not in the document is not compared; what is there is what keeps the bot locked
down, so a container that somebody started by hand with other rights is seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UID
from clawbot_agent.core.paths import DOCKER_SOCKET, GATEWAY_SECRETS_DIR
from clawbot_agent.features.gateway.config_check import STATE_MOUNT
from clawbot_agent.features.gateway.config_patch import SECRETS_MOUNT
from clawbot_agent.features.gateway.gateway import STOP_SECONDS
from clawbot_agent.features.state.mounts import local_binds

__all__ = [
    "IMAGE_LABEL",
    "Image",
    "candidate_document",
    "container_document",
    "differences",
]

Json = dict[str, Any]

IMAGE_LABEL: Final = "org.clawbot.image"
_MANAGED_LABEL: Final = "org.clawbot.managed-by"
_MOST_PROCESSES: Final = 2048
_COMPARED_APART: Final = frozenset({"Env", "Labels", "HostConfig", "ExposedPorts"})
_INSIDE_SOCKET: Final = "/var/run/docker.sock"
_ENVIRONMENT: Final = (
    "HOME=/home/node",
    "OPENCLAW_NO_AUTO_UPDATE=1",
    "OPENCLAW_DISABLE_BONJOUR=1",
    # a restart that OpenClaw itself wants happens inside the process, not by leaving it
    "OPENCLAW_NO_RESPAWN=1",
)


@dataclass(frozen=True, slots=True)
class Image:
    """What of an image counts here: its id and its environment."""

    id: str
    environment: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what inspect shows."""
        environment = (found.get("Config") or {}).get("Env") or ()
        return cls(str(found["Id"]), tuple(environment))


def container_document(config: BotConfig, *, image: Image, socket_gid: int) -> Json:
    """The document for POST /containers/create.

    It holds no secret: the token comes as a file in a read-only mount.
    """
    return {
        "Image": config.image_tag,
        # OpenClaw takes over the lease of a gateway that was killed only if that one had the
        # same host name; else it refuses to start for five minutes
        "Hostname": GATEWAY_CONTAINER,
        "User": f"{GATEWAY_UID}:{GATEWAY_UID}",
        "Env": list(_ENVIRONMENT),
        "Entrypoint": ["openclaw"],
        "Cmd": ["gateway", "run"],
        "ExposedPorts": {f"{GATEWAY_PORT}/tcp": {}},
        "StopTimeout": STOP_SECONDS,
        "Labels": {_MANAGED_LABEL: "clawbot-agent", IMAGE_LABEL: image.id},
        "HostConfig": _host_config(config, socket_gid=socket_gid),
    }


def candidate_document(document: Json, *, state: Path) -> Json:
    """The same container on a state of its own, unreachable, and without its channels.

    A candidate that logged in to Telegram would take the messages from the serving one.
    """
    host = document["HostConfig"]
    # what lies in the state is the serving one's too
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
        # Sysbox as docker's default runtime is for sandboxes; it cannot bind what is on CIFS
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
        # systemd restarts the gateway: only there can it be tied to the mount of its state. Any
        # other policy has the engine start it when it comes up after a power cut
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    }


def differences(document: Json, found: Mapping[str, Any], *, image: Image) -> tuple[str, ...]:
    """Names of the fields in which an inspected container differs from `document`."""
    config, host = found.get("Config") or {}, found.get("HostConfig") or {}
    named = [
        key
        for key, wanted in document.items()
        if key not in _COMPARED_APART and not _same(wanted, config.get(key))
    ]
    # the engine adds what the image exposes; only what is published can be reached
    if not set(document["ExposedPorts"]) <= set(config.get("ExposedPorts") or ()):
        named.append("ExposedPorts")
    if set(config.get("Env") or ()) - set(image.environment) != set(document["Env"]) - set(
        image.environment
    ):
        named.append("Env")
    labels = config.get("Labels") or {}
    if any(labels.get(key) != value for key, value in document["Labels"].items()):
        other_image = labels.get(IMAGE_LABEL) != document["Labels"][IMAGE_LABEL]
        named.append("Image" if other_image else "Labels")
    named += [
        key for key, wanted in document["HostConfig"].items() if not _same(wanted, host.get(key))
    ]
    return tuple(dict.fromkeys(named))


def _same(wanted: object, found: object) -> bool:
    # the engine shows what is empty as null, {}, [], "" or 0, depending on its version
    if not wanted or not found:
        return not wanted and not found
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, wanted)) == sorted(map(str, found))
    return wanted == found
