"""`openclaw config validate` of the image that will run with the file."""

import json
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.host import Host

__all__ = ["CANDIDATE_NAME", "STATE_MOUNT", "ConfigInvalidError", "validate"]

CANDIDATE_NAME: Final = "openclaw.json.candidate"
# where the gateway's container has the state
STATE_MOUNT: Final = "/home/node/.openclaw"

_SECONDS: Final = 120
_SHOWN_ISSUES: Final = 8
_SHOWN_OUTPUT: Final = 600


class ConfigInvalidError(ClawbotError):
    """OpenClaw itself refuses the file that the agent would have written."""

    code = "OPENCLAW_CONFIG_INVALID"
    cause = FailureCause.OPERATOR
    hint = "correct the fragment in Key Vault (or openclaw.json); the bot keeps its old file"


def validate(host: Host, *, image: str, state: Path) -> None:
    """Have OpenClaw judge the candidate in the `state` directory.

    Raises:
        ConfigInvalidError: with the validator's lines.
    """
    done = host.docker.run_once(_config(image, state), timeout=_SECONDS)
    if done.status != 0:
        told = host.redactor.scrub(_issues(done.output))
        msg = f"openclaw config validate of {image} refuses: {told}"
        raise ConfigInvalidError(msg)


def _config(image: str, state: Path) -> dict[str, Any]:
    # the state is read-only: a validator must not be able to change what it judges
    return {
        "Image": image,
        "User": f"{GATEWAY_UID}:{GATEWAY_UID}",
        "Env": ["HOME=/home/node", f"OPENCLAW_CONFIG_PATH={STATE_MOUNT}/{CANDIDATE_NAME}"],
        "Entrypoint": ["openclaw"],
        "Cmd": ["config", "validate", "--json"],
        "HostConfig": {
            "Binds": [f"{state}:{STATE_MOUNT}:ro"],
            "NetworkMode": "none",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Runtime": "runc",
            "Init": True,
        },
    }


def _issues(output: str) -> str:
    """`path: problem` lines of the JSON answer; the raw end of any other answer."""
    start = output.find("{")
    try:
        found = json.loads(output[start:]) if start >= 0 else {}
    except ValueError:
        found = {}
    issues = found.get("issues") if isinstance(found, dict) else None
    if isinstance(issues, list) and issues:
        told = (f"{one.get('path')}: {one.get('message')}" for one in issues[:_SHOWN_ISSUES])
        return "; ".join(told)
    return " ".join(output[-_SHOWN_OUTPUT:].split())
