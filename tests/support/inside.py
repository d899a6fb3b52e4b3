"""Checks inside a machine of either kind of bench: pairing, databases."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.support.openclaw_client import NotPairedError, OpenClaw

STATE: Final = "/var/lib/clawbot/state"
_HERE: Final = Path(__file__).parent
_APPROVE_SECONDS: Final = 240
_CHECK_SECONDS: Final = 600
_NODE: Final = ("docker", "exec", "-i", "openclaw-gateway", "node", "--input-type=module", "-")


class Exec(Protocol):
    """Runs a command in a machine as root: `Bench.exec`, `Vm.exec`."""

    def __call__(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it and wait for its exit."""


def connect(client: OpenClaw, run: Exec, *, token: str, within: float = 120.0) -> bool:
    """Connect, and approve the device if it is new; return whether it was new.

    Args:
        client: not connected.
        run: runs a command in the bot's machine, for the approval.
        token: the gateway token.
        within: time limit of each of the two connects, in seconds.
    """
    try:
        client.connect(within=within)
    except NotPairedError as error:
        approve(run, error.request_id, token=token)
        client.connect(within=within)
        return True
    return False


def approve(run: Exec, request_id: str, *, token: str) -> None:
    """Approve a device like `openclaw devices approve`, without starting that program.

    On an emulated processor the start of `openclaw` takes ten times as long as that of node. The
    token is passed on stdin, where process lists do not show it.
    """
    parameters = json.dumps({"request": request_id, "token": token})
    script = f"const given = {parameters};\n{(_HERE / 'approve_device.mjs').read_text()}"
    done = run(_NODE, timeout=_APPROVE_SECONDS, stdin=script)
    assert done.returncode == 0, f"device not approved: {done.stdout}{done.stderr}"


@dataclass(frozen=True, slots=True)
class Databases:
    """The condition of OpenClaw's databases.

    Attributes:
        damaged: the output of `PRAGMA integrity_check`, by path below the state directory.
        sound: the number of databases without damage.
        identity: the gateway's device id; empty if it has none yet.
    """

    damaged: dict[str, str]
    sound: int
    identity: str


def check_databases(run: Exec, path: str = STATE) -> Databases:
    """Check every SQLite database below `path`; read-only, with or without a running gateway."""
    script = (_HERE / "check_databases.py").read_text()
    done = run(("python3", "-", path), timeout=_CHECK_SECONDS, stdin=script)
    assert done.returncode == 0, f"databases not checked: {done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    return Databases(**found)
