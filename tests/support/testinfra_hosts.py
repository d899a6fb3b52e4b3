"""Additional backends for testinfra: `--hosts=bench://NAME`, `multipass://NAME`.

`bench://own` is the bench of the test session.
"""

from typing import Any, Final

from testinfra import backend
from testinfra.backend.base import BaseBackend, CommandResult

from tests.bench.bench import Bench
from tests.support.workers import bench_name

OWN: Final = "own"
_SECONDS: Final = 300


class BenchBackend(BaseBackend):
    """Runs commands as root in the machine of a running bench.

    Args:
        hostname: name of the bench.
        args, kwargs: testinfra's options, which are ignored.
    """

    NAME = "bench"

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - testinfra's
        super().__init__(hostname, *args, **kwargs)
        self._bench = Bench(bench_name() if hostname == OWN else hostname)

    def run(self, command: str, *args: str, **_kwargs: object) -> CommandResult:
        """Run a shell command, with `args` quoted into it."""
        text = self.get_command(command, *args)
        done = self._bench.exec(text, timeout=_SECONDS)
        return self.result(done.returncode, text.encode(), done.stdout, done.stderr)


class MultipassBackend(BaseBackend):
    """Runs commands as root in a Multipass machine.

    Args:
        hostname: name of the machine.
        args, kwargs: testinfra's options, which are ignored.
    """

    NAME = "multipass"

    def run(self, command: str, *args: str, **_kwargs: object) -> CommandResult:
        """Run a shell command, with `args` quoted into it."""
        text = self.get_command(command, *args)
        return self.run_local("multipass exec %s -- sudo sh -c %s", self.hostname, text)


def register() -> None:
    """Register the backends with testinfra."""
    for one in (BenchBackend, MultipassBackend):
        backend.BACKENDS[one.NAME] = f"{__name__}.{one.__name__}"
