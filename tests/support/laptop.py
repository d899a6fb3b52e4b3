"""The operator's computer for the blocks of the docs: both programs, and a stand-in for Azure."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.arm.fake import FakeArm
from tests.bench.arm.machines import InMemoryMachines, Output
from tests.bench.azure import SUBSCRIPTION_ID
from tests.support.doc_blocks import ROOT
from tests.support.laptop_controller import CLIENT, VARIABLE

__all__ = ["Laptop", "controller_server", "laptop"]

_SECONDS: Final = 120
_START_SECONDS: Final = 60
_NAMES: Final = ("management.azure.com", ".vault.azure.net", "prices.azure.com")
_SCOPES: Final = ("https://management.azure.com/.default", "https://vault.azure.net/.default")
_PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
_METRICS: Final = {"status": "healthy", "situation": "serving", "percent": 100}


@dataclass(frozen=True, slots=True)
class Laptop:
    """A directory to work in, and programs on the path.

    Attributes:
        directory: the working directory of every command.
        environment: of every command.
    """

    directory: Path
    environment: dict[str, str]

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run shell commands to their end; stderr is in stdout, as on a terminal."""
        return subprocess.run(
            ("/bin/bash", "-euc", script),
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_SECONDS,
        )


@contextmanager
def controller_server(directory: Path) -> Iterator[Path]:
    """Run the server behind `clawbot-controller`; its socket."""
    path = directory / "controller"
    argv = (sys.executable, "-m", "tests.support.laptop_controller", str(path))
    with subprocess.Popen(argv, cwd=ROOT) as server:
        try:
            end = time.monotonic() + _START_SECONDS
            while not path.exists():
                assert server.poll() is None, "the controller's server has ended"
                assert time.monotonic() < end, "the controller's server does not start"
                time.sleep(0.05)
            yield path
        finally:
            server.terminate()


@contextmanager
def laptop(directory: Path, server: Path) -> Iterator[Laptop]:
    """Return a laptop whose files are in `directory`, with an empty subscription.

    Args:
        directory: empty.
        server: socket of `controller_server`.
    """
    machines = InMemoryMachines(
        reply=Output(stdout="converged\n"), custom_metrics=json.dumps(_METRICS)
    )
    work, programs, home = (directory / name for name in ("work", "bin", "home"))
    for made in (work, programs, home):
        made.mkdir()
    with FakeArm(machines) as arm:
        credential = arm.credential()
        stand_in = directory / "azure.json"
        document = {
            "port": arm.port,
            "ca_file": arm.ca_file,
            "names": _NAMES,
            "tokens": {scope: credential.get_token(scope).token for scope in _SCOPES},
        }
        stand_in.write_text(json.dumps(document), encoding="utf-8")
        controller = programs / "clawbot-controller"
        controller.write_text(CLIENT.format(python=sys.executable, path=str(server)))
        controller.chmod(0o755)
        (programs / "clawbot-agent").symlink_to(Path(sys.executable).with_name("clawbot-agent"))
        kept = {key: value for key, value in os.environ.items() if key.upper() not in _PROXIES}
        yield Laptop(
            work,
            {
                **kept,
                "HOME": str(home),
                "PATH": f"{programs}:{os.environ['PATH']}",
                "REQUESTS_CA_BUNDLE": arm.ca_file,
                "SUBSCRIPTION": SUBSCRIPTION_ID,
                VARIABLE: str(stand_in),
            },
        )
