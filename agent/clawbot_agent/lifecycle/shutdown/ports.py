"""What leaving needs of the instance."""

from typing import Protocol

__all__ = ["Machine"]


class Machine(Protocol):
    """The instance. No method raises, none waits for long."""

    def hold_runs(self) -> None:
        """Stop the timer and tell a run that is under way to end."""
        ...

    def runs_are_over(self) -> bool:
        """Whether no run is under way."""
        ...

    def stop_gateway(self) -> None:
        """Have it end its sessions; not waited for."""
        ...

    def gateway_is_over(self) -> bool:
        """Whether it has ended and is not about to be started again."""
        ...

    def kill_gateway(self) -> None:
        """Cut its sessions off."""
        ...

    def sync(self, seconds: float) -> bool:
        """Write what is in memory; whether that came to its end within `seconds`."""
        ...

    def release(self) -> None:
        """Have the state unmounted and the lease given back; not waited for."""
        ...

    def release_is_over(self) -> bool:
        """Whether that came to an end, well or badly."""
        ...

    def release_problem(self) -> str:
        """How it ended badly; empty when it did not, or when there is no lease."""
        ...

    def return_to_work(self) -> None:
        """Have the agent run again, which starts what was stopped."""
        ...
