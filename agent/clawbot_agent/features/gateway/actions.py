"""Actions on the gateway's container. A new one replaces the old only when it is ready."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_PORT, GATEWAY_UID
from clawbot_agent.core.errors import ClawbotError, InterruptedRunError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR
from clawbot_agent.features.gateway.container_spec import candidate_document
from clawbot_agent.features.gateway.gateway import CANDIDATE, PREVIOUS, STOP_SECONDS, answers
from clawbot_agent.features.gateway.start import await_ready, refusal
from clawbot_agent.features.gateway.unit import cut_off, discard, start, stop
from clawbot_agent.features.lease.report import share_is_silent
from clawbot_agent.host import Host
from clawbot_agent.host.share_errors import ShareHungError

__all__ = [
    "AwaitGateway",
    "CreateGateway",
    "RefuseStart",
    "RemoveCandidate",
    "RemoveContainer",
    "RenameContainer",
    "ReplaceGateway",
    "RestartGateway",
    "StartGateway",
]

_CANDIDATE_STOP_SECONDS: Final = 10
_BACK_SECONDS: Final = 120.0


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
            discard(host)
        else:
            host.docker.remove(self.name)


@dataclass(frozen=True, slots=True)
class RemoveCandidate:
    """Remove what an interrupted proof of a replacement left."""

    summary: str = f"remove {CANDIDATE} and its state (left by an interrupted replacement)"

    def apply(self, host: Host) -> None:
        """Remove container and state."""
        _remove_candidate(host)


@dataclass(frozen=True, slots=True)
class RenameContainer:
    """Give a container another name."""

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
        start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class RefuseStart:
    """Say that the gateway refused what it would read again."""

    since: str

    @property
    def summary(self) -> str:
        """Since when."""
        return f"leave {GATEWAY_CONTAINER} down (it refused its configuration at {self.since})"

    def apply(self, host: Host) -> None:
        """Refuse.

        Raises:
            GatewayConfigRefusedError: always.
        """
        raise refusal(host, GATEWAY_CONTAINER)


@dataclass(frozen=True, slots=True)
class AwaitGateway:
    """Let a gateway that has just been started become ready."""

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
    """Stop the gateway, giving it time to finish what it does, and start it.

    Attributes:
        timeout: seconds until it has to be ready.
        unready: it does not serve; when it does not answer at all, nothing is waited for.
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
            ClawbotError: of the unit, the engine or the gateway.
        """
        if self.unready and share_is_silent(host.files, host.clock.now()):
            msg = f"{GATEWAY_CONTAINER} is not ready, and left alone: its share does not answer"
            raise ShareHungError(msg)
        if self.unready and not answers(host):
            host.note(f"{GATEWAY_CONTAINER} answers nobody and is cut off")
            cut_off(host)
        else:
            stop(host)
        start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class CreateGateway:
    """Make the first container and start it."""

    document: dict[str, Any] = field(repr=False)
    timeout: float
    why: str

    @property
    def summary(self) -> str:
        """From which image."""
        return f"create {GATEWAY_CONTAINER} from {self.document['Image']} ({self.why})"

    def apply(self, host: Host) -> None:
        """Create, start, wait until it is ready; a failed one stays, for its logs."""
        host.docker.create(GATEWAY_CONTAINER, self.document)
        start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)


@dataclass(frozen=True, slots=True)
class ReplaceGateway:
    """Put a new container in the place of the old one, or leave the old one serving.

    Attributes:
        document: of the new container.
        config: path of openclaw.json.
        timeout: seconds until a new container has to be ready.
    """

    document: dict[str, Any] = field(repr=False)
    config: Path
    timeout: float
    why: str

    @property
    def summary(self) -> str:
        """Why."""
        return f"replace {GATEWAY_CONTAINER} ({self.why})"

    def apply(self, host: Host) -> None:
        """Prove, drain, switch.

        Raises:
            ClawbotError: of `gateway_errors`; the old container is there again, started.
        """
        self._prove(host)
        host.note(f"draining {GATEWAY_CONTAINER}, up to {STOP_SECONDS} s")
        stop(host)
        host.docker.rename(GATEWAY_CONTAINER, to=PREVIOUS)
        with self._old_one_back_on_failure(host):
            host.docker.create(GATEWAY_CONTAINER, self.document)
            start(host)
            await_ready(host, GATEWAY_CONTAINER, timeout=self.timeout)
        host.docker.remove(PREVIOUS)

    def _prove(self, host: Host) -> None:
        """Have the new container become ready on an empty state, while the old one serves."""
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
            address = _address(host.docker.container(CANDIDATE))
            url = f"http://{address}:{GATEWAY_PORT}/readyz"
            await_ready(host, CANDIDATE, timeout=self.timeout, url=url)
            host.note(f"{CANDIDATE} was ready: {self.document['Image']} works here")
            host.docker.stop(CANDIDATE, timeout=_CANDIDATE_STOP_SECONDS)
        finally:
            _remove_candidate(host)

    @contextlib.contextmanager
    def _old_one_back_on_failure(self, host: Host) -> Iterator[None]:
        try:
            yield
        except InterruptedRunError:
            # nothing more may be done now; the next run finds the previous container
            raise
        except ClawbotError as error:
            # the time of the run may be what ran out; going back must not fail for that
            end = _go_back(host.beyond(_BACK_SECONDS, label="going back"))
            msg = f"{error.message}; {end}"
            raise type(error)(msg, hint=error.hint) from error


def _go_back(host: Host) -> str:
    """Have the old container serve again; says how that went."""
    discard(host)
    host.docker.rename(PREVIOUS, to=GATEWAY_CONTAINER)
    try:
        start(host)
        await_ready(host, GATEWAY_CONTAINER, timeout=_BACK_SECONDS)
    except ClawbotError as error:
        return f"the old container is back, but: {error.message}"
    return "the old container serves again"


def _remove_candidate(host: Host) -> None:
    with contextlib.suppress(InterruptedRunError):
        host.docker.remove(CANDIDATE)
    host.files.remove(CANDIDATE_STATE_DIR)


def _address(container: dict[str, Any] | None) -> str:
    networks = ((container or {}).get("NetworkSettings") or {}).get("Networks") or {}
    # one that has ended has none; nobody answers to this name (RFC 6761)
    return str((networks.get("bridge") or {}).get("IPAddress") or "candidate.invalid")
