"""The sidecar's look at itself, by which it earns its sign of life."""

from typing import Final

from clawbot_agent.health.app import PUBLIC_PATH
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.refresh import Watch
from clawbot_agent.host import Host
from clawbot_agent.host.limit import Clock

__all__ = ["Itself"]

_SECONDS: Final = 5.0


class Itself:
    """Asks the sidecar's own page as others ask it, and keeps when that last worked."""

    def __init__(self, *, port: int, clock: Clock) -> None:
        """It has until its first look to begin to answer."""
        self._url = f"http://127.0.0.1:{port}{PUBLIC_PATH}"
        self._clock = clock
        self._answered = clock.monotonic()

    @property
    def watch(self) -> Watch:
        """To be started beside those of the components."""
        return Watch("sidecar", self, every=5, limit=_SECONDS + 1)

    def silence(self) -> float:
        """Seconds since it last answered."""
        return self._clock.monotonic() - self._answered

    def __call__(self, host: Host) -> Finding:
        """One request over the loopback."""
        answer = host.get_json(self._url, timeout=_SECONDS)
        if "status" not in answer.body:
            return Finding(State.FAILED, answer.problem or f"answers {answer.status}")
        self._answered = self._clock.monotonic()
        return Finding(State.OK, "answers")
