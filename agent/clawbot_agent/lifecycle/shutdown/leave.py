"""The steps of a shutdown; what matters most comes first when time is short.

1. The kernel's dirty pages go to the share at once, while the gateway still works.
2. Runs of the agent stop.
3. The gateway ends its sessions, for up to 330 s or until the remaining time is needed for 4.
4. The state is unmounted and the lease released.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from clawbot_agent.host.limit import Clock
from clawbot_agent.records.shutdown import ShutdownPhase

# the gateway's longest drain
_DRAIN_SECONDS: Final = 330.0
# for unmounting, which writes over the network, and for the release
_RESERVE_SECONDS: Final = 60.0
# of a short notice (30 s before an eviction) the reserve is this part
_RESERVE_PART: Final = 0.4
_SYNC_SECONDS: Final = 10.0
_SYNC_PART: Final = 0.2
_LEAST_SYNC_SECONDS: Final = 2.0
# a killed container is gone within a second, unless Docker hangs
_KILL_SECONDS: Final = 5.0
# interval between attempts to finish a sync that was too slow
_AGAIN_SECONDS: Final = 5.0


class ShutdownMachine(Protocol):
    """What a shutdown needs of the instance. No method raises or waits for long."""

    def stop_runs(self) -> None:
        """Stop the timer and the present run."""
        ...

    def runs_are_over(self) -> bool:
        """Whether no run is under way."""
        ...

    def stop_gateway(self) -> None:
        """Start the gateway's drain, without waiting."""
        ...

    def gateway_is_over(self) -> bool:
        """Whether the gateway has ended and will not restart."""
        ...

    def kill_gateway(self) -> None:
        """End the gateway without a drain."""
        ...

    def sync(self, seconds: float) -> bool:
        """Write dirty pages; whether that finished within `seconds`."""
        ...

    def release(self) -> None:
        """Start to unmount the state and release the lease, without waiting."""
        ...

    def release_is_over(self) -> bool:
        """Whether the release has finished, with or without success."""
        ...

    def release_problem(self) -> str:
        """Why the release failed; empty after success, or without a lease."""
        ...

    def return_to_work(self) -> None:
        """Run the agent again, which starts what was stopped."""
        ...


def drain_seconds(left: float) -> float:
    """Return how long the gateway may drain when the machine stops in `left` seconds."""
    reserve = min(_RESERVE_SECONDS, _RESERVE_PART * left)
    return max(0.0, min(_DRAIN_SECONDS, left - reserve))


@dataclass(slots=True)
class Leave:
    """One shutdown. Call `tick` about once a second.

    Attributes:
        phase: its progress.
        problem: the last thing that went wrong.
    """

    machine: ShutdownMachine
    clock: Clock
    phase: ShutdownPhase = ShutdownPhase.DRAINING
    problem: str = ""
    _drain_until: float = 0.0
    _killed: float | None = None
    _runs_over: bool = False
    _synced: float = 0.0
    _sync_seconds: float = field(default=_SYNC_SECONDS)

    def begin(self, left: float) -> None:
        """Start, `left` seconds before the machine may stop."""
        self._sync_seconds = max(_LEAST_SYNC_SECONDS, min(_SYNC_SECONDS, _SYNC_PART * left))
        self._drain_until = self.clock.monotonic() + drain_seconds(left)
        self.machine.stop_runs()
        self.machine.stop_gateway()
        # in parallel with the drain, which takes as long as its sessions do
        self.machine.sync(self._sync_seconds)

    def hurry(self, left: float) -> None:
        """Adapt to a machine that stops in `left` seconds."""
        until = self.clock.monotonic() + drain_seconds(left)
        self._drain_until = min(self._drain_until, until)

    def tick(self) -> None:
        """Take the next step that is due."""
        if self.phase is ShutdownPhase.DRAINING:
            self._drain()
        elif self.phase is ShutdownPhase.FLUSHING and self.machine.release_is_over():
            self._end()
        elif self.phase is ShutdownPhase.UNSAFE and not self.machine.release_problem():
            self._sync_again()

    def _drain(self) -> None:
        if not self._runs_over and self.machine.runs_are_over():
            # the run may have started the gateway in its last moment
            self._runs_over = True
            self.machine.stop_gateway()
        now = self.clock.monotonic()
        if self._killed is not None and now - self._killed >= _KILL_SECONDS:
            what = "the gateway" if self._runs_over else "a run of the agent"
            self.problem = f"{what} did not stop when asked to"
        elif not (self.machine.gateway_is_over() and self._runs_over):
            if now >= self._drain_until and self._killed is None:
                self._killed = now
                self.machine.kill_gateway()
            return
        self.phase = ShutdownPhase.FLUSHING
        self.machine.release()

    def _end(self) -> None:
        self.problem = self.machine.release_problem() or self.problem
        if self.machine.release_problem():
            self.machine.sync(self._sync_seconds)
            self.phase = ShutdownPhase.UNSAFE
        elif self.machine.sync(self._sync_seconds):
            self.phase = ShutdownPhase.FLUSHED
        else:
            self.problem = "not all data could be written in time"
            self.phase = ShutdownPhase.UNSAFE
        self._synced = self.clock.monotonic()

    def _sync_again(self) -> None:
        """Retry a sync that was too slow, after a lease that was released in order."""
        if self.clock.monotonic() - self._synced < _AGAIN_SECONDS:
            return
        if self.machine.sync(self._sync_seconds):
            self.phase, self.problem = ShutdownPhase.FLUSHED, ""
        self._synced = self.clock.monotonic()
