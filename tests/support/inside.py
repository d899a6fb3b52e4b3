"""What the tests look at inside a machine, of whichever bench: pairing, databases."""

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
        """Run it to its end."""


def connect(client: OpenClaw, run: Exec, *, token: str, within: float = 120.0) -> bool:
    """Connect, and have the device approved when it is new; whether it was.

    Args:
        client: not connected.
        run: into the bot's machine, for the approval.
        token: the gateway's.
        within: seconds for each of the two connects.
    """
    try:
        client.connect(within=within)
    except NotPairedError as error:
        approve(run, error.request_id, token=token)
        client.connect(within=within)
        return True
    return False


def approve(run: Exec, request_id: str, *, token: str) -> None:
    """Approve a device, as `openclaw devices approve` does, without the start of that program.

    On an emulated processor it is the start of node that takes the time, and `openclaw`'s own
    takes ten times as long. The token goes by stdin, where no process list shows it.
    """
    parameters = json.dumps({"request": request_id, "token": token})
    script = f"const given = {parameters};\n{(_HERE / 'approve_device.mjs').read_text()}"
    done = run(_NODE, timeout=_APPROVE_SECONDS, stdin=script)
    assert done.returncode == 0, f"device not approved: {done.stdout}{done.stderr}"


@dataclass(frozen=True, slots=True)
class Databases:
    """What OpenClaw's databases look like.

    Attributes:
        damaged: by path below the state directory, what `PRAGMA integrity_check` complains of.
        sound: how many it found nothing in.
        identity: the gateway's own device id; empty when it has none yet.
    """

    damaged: dict[str, str]
    sound: int
    identity: str


def check_databases(run: Exec, path: str = STATE) -> Databases:
    """Check every SQLite database below `path`, with the gateway running or not; reads only."""
    script = (_HERE / "check_databases.py").read_text()
    done = run(("python3", "-", path), timeout=_CHECK_SECONDS, stdin=script)
    assert done.returncode == 0, f"databases not checked: {done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    return Databases(**found)
