"""What the lease's daemon needs of the rest of the world."""

from typing import Any, Protocol

from clawbot_agent.features.lease.report import LeaseReport

__all__ = ["Json", "Machine", "Share"]

Json = dict[str, Any]


class Share(Protocol):
    """The child that works on the share (`host.servant`)."""

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        ...

    def ask(self, question: Json) -> None:
        """Send a question."""
        ...

    def answer(self, *, timeout: float = 0.0) -> Json | None:
        """The answer, if it comes within `timeout` seconds."""
        ...

    def abandon(self) -> None:
        """Give up the child."""
        ...


class Machine(Protocol):
    """What else the daemon needs of the instance. No method raises."""

    def fence(self) -> None:
        """Kill the gateway, at once and for sure."""
        ...

    def held(self) -> None:
        """The lease is held: have the instance go on."""
        ...

    def report(self, report: LeaseReport) -> None:
        """Tell the instance how the lease is."""
        ...

    def alive(self) -> None:
        """Tell the service manager that the daemon lives."""
        ...

    def state_is_mounted(self) -> bool:
        """Whether the state is still mounted."""
        ...

    def share_mount(self) -> int | None:
        """Number of the mount that the share's directory lies on."""
        ...
