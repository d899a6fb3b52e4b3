"""Leaving in order, as far as the time allows: what matters most comes first.

1. What the kernel has of the memory goes to the share at once; the gateway still works.
2. No run of the agent starts anything any more.
3. The gateway ends its sessions, for up to 330 s or until the time for the rest has come.
4. The state is unmounted and the lease given back.
"""

from dataclasses import dataclass, field
from typing import Final

from clawbot_agent.host.limit import Clock
from clawbot_agent.lifecycle.shutdown.ports import Machine
from clawbot_agent.lifecycle.shutdown.report import Phase

__all__ = ["Leave", "drain_seconds"]

# what a gateway may take to end its sessions
_DRAIN_SECONDS: Final = 330.0
# for unmounting, which writes over the network, and for giving back
_RESERVE_SECONDS: Final = 60.0
# of a short notice (30 s before an eviction) the reserve is this part
_RESERVE_PART: Final = 0.4
_SYNC_SECONDS: Final = 10.0
_SYNC_PART: Final = 0.2
_LEAST_SYNC_SECONDS: Final = 2.0
# a killed container is gone within a second, unless Docker hangs
_KILL_SECONDS: Final = 5.0
# what was too slow once may come to its end in the time that is left
_AGAIN_SECONDS: Final = 5.0


def drain_seconds(left: float) -> float:
    """How long the gateway may take when the machine is cut in `left` seconds."""
    reserve = min(_RESERVE_SECONDS, _RESERVE_PART * left)
    return max(0.0, min(_DRAIN_SECONDS, left - reserve))


@dataclass(slots=True)
class Leave:
    """One departure. `tick` about once a second.

    Attributes:
        phase: how far it is.
        problem: what went wrong on the way.
    """

    machine: Machine
    clock: Clock
    phase: Phase = Phase.DRAINING
    problem: str = ""
    _drain_until: float = 0.0
    _killed: float | None = None
    _runs_over: bool = False
    _synced: float = 0.0
    _sync_seconds: float = field(default=_SYNC_SECONDS)

    def begin(self, left: float) -> None:
        """Start, `left` seconds before the machine may be cut."""
        self._sync_seconds = max(_LEAST_SYNC_SECONDS, min(_SYNC_SECONDS, _SYNC_PART * left))
        self._drain_until = self.clock.monotonic() + drain_seconds(left)
        self.machine.hold_runs()
        self.machine.stop_gateway()
        # beside the gateway's end, which takes as long as its sessions do
        self.machine.sync(self._sync_seconds)

    def hurry(self, left: float) -> None:
        """The machine is cut in `left` seconds, which may be sooner than was known."""
        until = self.clock.monotonic() + drain_seconds(left)
        self._drain_until = min(self._drain_until, until)

    def tick(self) -> None:
        """Go on."""
        if self.phase is Phase.DRAINING:
            self._drain()
        elif self.phase is Phase.FLUSHING and self.machine.release_is_over():
            self._end()
        elif self.phase is Phase.UNSAFE and not self.machine.release_problem():
            self._sync_again()

    def _drain(self) -> None:
        if not self._runs_over and self.machine.runs_are_over():
            # in its last moment a run may have started the gateway
            self._runs_over = True
            self.machine.stop_gateway()
        now = self.clock.monotonic()
        if self._killed is not None and now - self._killed >= _KILL_SECONDS:
            what = "the gateway" if self._runs_over else "a run of the agent"
            self.problem = f"{what} did not end when it was told to"
        elif not (self.machine.gateway_is_over() and self._runs_over):
            if now >= self._drain_until and self._killed is None:
                self._killed = now
                self.machine.kill_gateway()
            return
        self.phase = Phase.FLUSHING
        self.machine.release()

    def _end(self) -> None:
        self.problem = self.machine.release_problem() or self.problem
        if self.machine.release_problem():
            self.machine.sync(self._sync_seconds)
            self.phase = Phase.UNSAFE
        elif self.machine.sync(self._sync_seconds):
            self.phase = Phase.FLUSHED
        else:
            self.problem = "not all could be written in time"
            self.phase = Phase.UNSAFE
        self._synced = self.clock.monotonic()

    def _sync_again(self) -> None:
        """The lease was given back in order; only the writing was too slow."""
        if self.clock.monotonic() - self._synced < _AGAIN_SECONDS:
            return
        if self.machine.sync(self._sync_seconds):
            self.phase, self.problem = Phase.FLUSHED, ""
        self._synced = self.clock.monotonic()
