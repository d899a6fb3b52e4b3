"""A bench as testinfra sees it: `--hosts=bench://NAME`."""

from typing import Any, Final

from testinfra import backend
from testinfra.backend.base import BaseBackend, CommandResult

from tests.bench.bench import Bench

_SECONDS: Final = 300


class BenchBackend(BaseBackend):
    """Runs commands as root in the machine of a bench that is up.

    Args:
        hostname: name of the bench.
        args, kwargs: testinfra's options, which mean nothing here.
    """

    NAME = "bench"

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - testinfra's
        super().__init__(hostname, *args, **kwargs)
        self._bench = Bench(hostname)

    def run(self, command: str, *args: str, **_kwargs: object) -> CommandResult:
        """Run a shell command, `args` quoted into it."""
        text = self.get_command(command, *args)
        done = self._bench.exec(text, timeout=_SECONDS)
        return self.result(done.returncode, text.encode(), done.stdout, done.stderr)


def register() -> None:
    """Make `bench://` known to testinfra."""
    backend.BACKENDS[BenchBackend.NAME] = f"{__name__}.{BenchBackend.__name__}"
