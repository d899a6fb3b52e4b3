"""Several instances looked at once a second, all of them at the same moment."""

import contextlib
import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from clawbot_agent.features.gateway.config_check import STATE_MOUNT
from tests.drills.ground import Instance
from tests.support.inside import STATE

_EVERY: Final = 1.0
_END_SECONDS: Final = 10.0
_SAMPLER: Final = (Path(__file__).parent / "sampler.py").read_text()

Sample = dict[str, Any]


@dataclass(slots=True)
class Round:
    """What was seen at one moment.

    Attributes:
        at: on the monotonic clock.
        samples: by instance; one that did not answer within the second is not in it.
    """

    at: float
    samples: dict[str, Sample] = field(default_factory=dict)

    def serving(self) -> list[str]:
        """Instances on which a gateway ran."""
        return [name for name, sample in self.samples.items() if sample["gateways"]]

    def mounting(self) -> list[str]:
        """Instances on which the state was mounted."""
        return [name for name, sample in self.samples.items() if sample["mounted"]]


@dataclass(frozen=True, slots=True)
class _Session:
    """A sampler in an instance, and the thread that reads it."""

    process: subprocess.Popen[str]
    reader: threading.Thread

    def ask(self) -> None:
        """Have it take a sample; one that is gone takes none."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self.process.stdin.write("\n")
                self.process.stdin.flush()

    def end(self) -> None:
        """End it, and close what it was talked to with."""
        self.process.kill()
        self.reader.join(_END_SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                # a question that never reached it is still in the buffer
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait()


class Watch:
    """Samples from `with` to its end."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._sessions: dict[str, _Session] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def add(self, instance: Instance) -> None:
        """Sample this one too; commands must be possible in it."""
        argv = instance.vm.enter(("python3", "-u", "-c", _SAMPLER, STATE, STATE_MOUNT))
        session = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        name = instance.vm.name
        reader = threading.Thread(target=self._read, args=(name, session), daemon=True)
        reader.start()
        self._sessions[name] = _Session(session, reader)

    def drop(self, instance: Instance) -> None:
        """Sample it no longer."""
        self._sessions.pop(instance.vm.name).end()

    def last(self, instance: Instance) -> Sample:
        """The newest sample of an instance; empty before the first."""
        for seen in reversed(list(self.rounds)):
            if found := seen.samples.get(instance.vm.name):
                return found
        return {}

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()
        for session in self._sessions.values():
            session.end()

    def _tick(self) -> None:
        while not self._over.wait(_EVERY):
            # a late answer would belong to another moment: it goes into the next round,
            # which has a time of its own
            self.rounds.append(Round(time.monotonic()))
            for session in list(self._sessions.values()):
                session.ask()

    def _read(self, name: str, session: subprocess.Popen[str]) -> None:
        for line in session.stdout or ():
            if self.rounds:
                self.rounds[-1].samples[name] = json.loads(line)
