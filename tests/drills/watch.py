"""Samples of several instances, taken once a second at the same time."""

import contextlib
import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from clawbot_agent.features.gateway.container_spec import STATE_MOUNT
from tests.drills.ground import Instance
from tests.support.inside import STATE

_EVERY: Final = 1.0
_END_SECONDS: Final = 10.0
_SAMPLER: Final = (Path(__file__).parent / "sampler.py").read_text()

Sample = dict[str, Any]


@dataclass(slots=True)
class Round:
    """The samples of one moment.

    Attributes:
        at: on the monotonic clock.
        samples: by instance, without those that did not answer within the second.
    """

    at: float
    samples: dict[str, Sample] = field(default_factory=dict)

    def serving(self) -> list[str]:
        """Return the instances on which a gateway ran."""
        return [name for name, sample in self.samples.items() if sample["gateways"]]

    def mounting(self) -> list[str]:
        """Return the instances on which the state directory was mounted."""
        return [name for name, sample in self.samples.items() if sample["mounted"]]


@dataclass(frozen=True, slots=True)
class _Session:
    """A sampler in an instance, and the thread that reads from it."""

    process: subprocess.Popen[str]
    reader: threading.Thread

    def ask(self) -> None:
        """Request a sample; does nothing if the sampler is gone."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self.process.stdin.write("\n")
                self.process.stdin.flush()

    def end(self) -> None:
        """Stop it and close its streams."""
        self.process.kill()
        self.reader.join(_END_SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                # an unsent request is still in the buffer
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait()


class Watch:
    """Takes samples within a with block."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._sessions: dict[str, _Session] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def add(self, instance: Instance) -> None:
        """Add an instance, in which commands must work."""
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
        """Stop sampling an instance."""
        self._sessions.pop(instance.vm.name).end()

    def last(self, instance: Instance) -> Sample:
        """Return the latest sample of an instance; empty before the first."""
        for seen in reversed(list(self.rounds)):
            if found := seen.samples.get(instance.vm.name):
                return found
        return {}

    def __enter__(self) -> Self:
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop sampling."""
        self._over.set()
        self._thread.join()
        for session in self._sessions.values():
            session.end()

    def _tick(self) -> None:
        while not self._over.wait(_EVERY):
            # a late answer belongs to the next round, which has its own time
            self.rounds.append(Round(time.monotonic()))
            for session in list(self._sessions.values()):
                session.ask()

    def _read(self, name: str, session: subprocess.Popen[str]) -> None:
        for line in session.stdout or ():
            if self.rounds:
                self.rounds[-1].samples[name] = json.loads(line)
