"""Actions on the gateway's container. A new container replaces the old one only when ready."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UID
from clawbot_agent.core.errors import ClawbotError, InterruptedRunError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR
from clawbot_agent.features.gateway import unit
from clawbot_agent.features.gateway.container_spec import (
    CANDIDATE,
    PREVIOUS,
    Json,
    candidate_document,
)
from clawbot_agent.features.gateway.readiness import await_ready, refusal, responds
from clawbot_agent.host import Host
from clawbot_agent.host.share_errors import ShareHungError
from clawbot_agent.records.lease import share_is_silent

_CANDIDATE_STOP_SECONDS: Final = 10
_ROLLBACK_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove a container, running or not."""

    name: str
    why: str

    @property
    def summary(self) -> str:
        """Which and why."""
        return f"remove container {self.name} ({self.why})"

    def apply(self, host: Host) -> None:
        """Remove it."""
        if self.name == GATEWAY_CONTAINER:
            unit.discard(host)
        else:
            host.docker.remove(self.name)


@dataclass(frozen=True, slots=True)
class RemoveCandidate:
    """Remove what an interrupted replacement left."""

    summary: str = f"remove {CANDIDATE} and its state (left by an interrupted replacement)"

    def apply(self, host: Host) -> None:
        """Remove container and state directory."""
        _remove_candidate(host)


@dataclass(frozen=True, slots=True)
class RenameContainer:
    """Rename a container."""

    name: str
    to: str
    why: str

    @property
    def summary(self) -> str:
        """From, to and why."""
        return f"rename container {self.name} to {self.to} ({self.why})"

    def apply(self, host: Host) -> None:
        """Rename it."""
        host.docker.rename(self.name, to=self.to)


@dataclass(frozen=True, slots=True)
class RefuseStart:
    """Fail, because the gateway would reject its unchanged configuration again."""

    since: str

    @property
    def summary(self) -> str:
        """Since when."""
        return f"leave {GATEWAY_CONTAINER} down (it rejected its configuration at {self.since})"

    def apply(self, host: Host) -> None:
        """Raise GatewayConfigRefusedError with the gateway's last lines."""
        raise refusal(host, GATEWAY_CONTAINER)


@dataclass(frozen=True, slots=True)
class StartGateway:
    """Start the stopped gateway."""

    timeout: float
    why: str

    @property
    def summary(self) -> str:
        """Why."""
        return f"start {GATEWAY_CONTAINER} ({self.why})"

    def apply(self, host: Host) -> None:
        """Start it and wait until it is ready."""
        unit.start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class AwaitGateway:
    """Wait for a gateway that is starting."""

    timeout: float

    @property
    def summary(self) -> str:
        """For how long."""
        return f"wait for {GATEWAY_CONTAINER}, up to {self.timeout:.0f} s (it is starting)"

    def apply(self, host: Host) -> None:
        """Wait."""
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class RestartGateway:
    """Drain and stop the gateway, and start it.

    Attributes:
        timeout: seconds until it must be ready.
        unready: whether it is not ready; one that does not respond at all is not drained.
    """

    timeout: float
    why: str
    unready: bool = False

    @property
    def summary(self) -> str:
        """Why."""
        return f"restart {GATEWAY_CONTAINER} ({self.why})"

    def apply(self, host: Host) -> None:
        """Stop, start, wait until it is ready.

        Raises:
            ShareHungError: the gateway waits for the share, and would again.
            ClawbotError: of the unit, Docker or the gateway.
        """
        if self.unready and share_is_silent(host.files, host.clock.now()):
            msg = f"{GATEWAY_CONTAINER}: not ready and not restarted, the share does not answer"
            raise ShareHungError(msg)
        if self.unready and not responds(host):
            host.note(f"{GATEWAY_CONTAINER} does not respond: stopping it without a drain")
            unit.stop_hung(host)
        else:
            unit.stop(host)
        unit.start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class CreateGateway:
    """Create the first container and start it."""

    document: Json = field(repr=False)
    timeout: float
    why: str

    @property
    def summary(self) -> str:
        """From which image."""
        return f"create {GATEWAY_CONTAINER} from {self.document['Image']} ({self.why})"

    def apply(self, host: Host) -> None:
        """Create, start, wait until it is ready; a failed one is kept for its logs."""
        host.docker.create(GATEWAY_CONTAINER, self.document)
        unit.start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class ReplaceGateway:
    """Replace the container, or leave the old one serving.

    Attributes:
        document: of the new container.
        config: path of openclaw.json.
        timeout: seconds until a new container must be ready.
    """

    document: Json = field(repr=False)
    config: Path
    timeout: float
    why: str

    @property
    def summary(self) -> str:
        """Why."""
        return f"replace {GATEWAY_CONTAINER} ({self.why})"

    def apply(self, host: Host) -> None:
        """Test the new container, drain the old one, switch.

        Raises:
            ClawbotError: of `errors`; the old container is back and started.
        """
        self._test_candidate(host)
        host.note(f"draining {GATEWAY_CONTAINER}, up to {unit.STOP_SECONDS} s")
        unit.stop(host)
        host.docker.rename(GATEWAY_CONTAINER, to=PREVIOUS)
        with _rollback_on_failure(host):
            CreateGateway(self.document, self.timeout, self.why).apply(host)
        host.docker.remove(PREVIOUS)

    def _test_candidate(self, host: Host) -> None:
        """Start the new container with an empty state directory while the old one serves."""
        _remove_candidate(host)
        host.files.mkdir(CANDIDATE_STATE_DIR, mode=0o700, uid=GATEWAY_UID, gid=GATEWAY_UID)
        try:
            host.files.write(
                CANDIDATE_STATE_DIR / self.config.name,
                host.files.read_text(self.config) or "{}",
                mode=0o600,
                uid=GATEWAY_UID,
                gid=GATEWAY_UID,
            )
            document = candidate_document(self.document, state=CANDIDATE_STATE_DIR)
            host.docker.create(CANDIDATE, document)
            host.docker.start(CANDIDATE)
            url = f"http://{_address(host.docker.container(CANDIDATE))}:{GATEWAY_PORT}/readyz"
            await_ready(host, CANDIDATE, timeout=self.timeout, url=url)
            host.note(f"{CANDIDATE} was ready: {self.document['Image']} works here")
            host.docker.stop(CANDIDATE, timeout=_CANDIDATE_STOP_SECONDS)
        finally:
            _remove_candidate(host)


@contextlib.contextmanager
def _rollback_on_failure(host: Host) -> Iterator[None]:
    try:
        yield
    except InterruptedRunError:
        # the next run finds the previous container
        raise
    except ClawbotError as error:
        # with its own deadline, because the run's may be what was exceeded
        result = _roll_back(host.beyond(_ROLLBACK_SECONDS, label="rollback"))
        msg = f"{error.message}; {result}"
        raise type(error)(msg, hint=error.hint) from error


def _roll_back(host: Host) -> str:
    """Start the old container again; return the result as a text."""
    unit.discard(host)
    host.docker.rename(PREVIOUS, to=GATEWAY_CONTAINER)
    try:
        unit.start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=_ROLLBACK_SECONDS)
    except ClawbotError as error:
        return f"the old container is back, but: {error.message}"
    return "the old container serves again"


def _remove_candidate(host: Host) -> None:
    with contextlib.suppress(InterruptedRunError):
        host.docker.remove(CANDIDATE)
    host.files.remove(CANDIDATE_STATE_DIR)


def _address(container: dict[str, Any] | None) -> str:
    networks = ((container or {}).get("NetworkSettings") or {}).get("Networks") or {}
    # an exited container has no address; this name never resolves (RFC 6761)
    return str((networks.get("bridge") or {}).get("IPAddress") or "candidate.invalid")
