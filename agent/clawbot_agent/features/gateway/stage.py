"""The gateway's container: there, as it has to be, running and ready.

Only one gateway can use the state, so a replacement is first proven beside the old one on
an empty state; then the old one drains and the new one takes its place. Killed at any point
in between, the next run finds what is left over and puts it right. systemd restarts it after a
crash, unless it refused its configuration; then it is left down while that stays as it is.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR, DOCKER_SOCKET, GATEWAY_SECRETS_DIR
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.gateway import actions as act
from clawbot_agent.features.gateway.container_spec import Image, container_document, differences
from clawbot_agent.features.gateway.errors import GatewayConfigRefusedError
from clawbot_agent.features.gateway.gateway import (
    CANDIDATE,
    PREVIOUS,
    REFUSED,
    is_starting,
    running_problem,
    time_of,
)
from clawbot_agent.features.gateway.start import refusal
from clawbot_agent.features.gateway.unit import why_unkept
from clawbot_agent.host import Host

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

__all__ = ["ContainerFacts", "ContainerStage"]

Json = dict[str, Any]
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
# a refusal may have a cause that no file shows
_REFUSED_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """How the gateway is.

    Attributes:
        image: the one under the configured name; None when there is none yet.
        socket_gid: group of the docker socket; None without an engine.
        current, previous: inspected; None when there is none.
        candidate: whether a candidate, or the state of one, was left over.
        unkept: why systemd does not keep it running; empty when it does.
        refused: it ended because it refused its configuration.
        token_written, config_written: when these files were written; None without one.
        problem: why the gateway is not ready; None when it is.
        now: the time of looking.
    """

    image: Image | None = None
    socket_gid: int | None = None
    current: Json | None = field(default=None, repr=False)
    previous: Json | None = field(default=None, repr=False)
    candidate: bool = False
    unkept: str = ""
    refused: bool = False
    token_written: datetime | None = None
    config_written: datetime | None = None
    problem: str | None = "there is no container"
    now: datetime = _LONG_AGO


class ContainerStage(Stage[ContainerFacts]):
    """One gateway that serves."""

    name = "gateway"
    title = "OpenClaw gateway"
    phase = Phase.NODE
    needs = ("docker", "image", "openclaw-config")
    # nobody may restart the engine under a gateway that is being replaced
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 900
    typical = 30

    def probe(self, host: Host, config: BotConfig) -> ContainerFacts:
        """Inspect the containers and ask the gateway itself."""
        if host.docker.info() is None:
            return ContainerFacts()
        image = host.docker.image(config.image_tag)
        socket = host.files.stat(DOCKER_SOCKET)
        current = host.docker.container(GATEWAY_CONTAINER)
        return ContainerFacts(
            image=None if image is None else Image.of(image),
            socket_gid=None if socket is None else socket.gid,
            current=current,
            previous=host.docker.container(PREVIOUS),
            candidate=host.docker.container(CANDIDATE) is not None
            or host.files.stat(CANDIDATE_STATE_DIR) is not None,
            refused=_has_refused(host, current),
            unkept=why_unkept(host),
            token_written=_written(host, GATEWAY_SECRETS_DIR / "token"),
            config_written=_written(host, _live_config(config)),
            problem=running_problem(host, current, timeout=float(config.gateway.ready_timeout)),
            now=host.clock.now(),
        )

    def plan(self, facts: ContainerFacts, config: BotConfig) -> Plan:
        """Clear what an interrupted run left, then create, replace, start or wait."""
        actions: list[Action] = []
        if facts.candidate:
            actions.append(act.RemoveCandidate())
        if facts.previous is None:
            actions += _towards_ready(facts, facts.current, config)
        else:
            actions += _recovery(facts, facts.previous, config)
        return Plan(f"{GATEWAY_CONTAINER} is ready with {config.image_tag}", tuple(actions))

    def paced(self, error: ClawbotError) -> bool:
        """A refused configuration has a pace of its own (`_refused_since`)."""
        return super().paced(error) and not isinstance(error, GatewayConfigRefusedError)


def _recovery(facts: ContainerFacts, previous: Json, config: BotConfig) -> "list[Action]":
    """Finish or undo a switch that was interrupted after the old container stopped."""
    back = act.RenameContainer(PREVIOUS, GATEWAY_CONTAINER, "its replacement was interrupted")
    if facts.current is None:
        return [back, *_towards_ready(facts, previous, config)]
    if facts.problem is None:
        return [act.RemoveContainer(PREVIOUS, "its replacement is ready")]
    timeout = float(config.gateway.ready_timeout)
    if is_starting(facts.current, facts.now, timeout=timeout):
        after = act.RemoveContainer(PREVIOUS, "its replacement is ready then")
        return [act.AwaitGateway(timeout), after]
    undo = act.RemoveContainer(GATEWAY_CONTAINER, "it never became ready")
    return [undo, back, *_towards_ready(facts, previous, config)]


def _towards_ready(
    facts: ContainerFacts, current: Json | None, config: BotConfig
) -> "list[Action]":
    timeout = float(config.gateway.ready_timeout)
    image, gid = facts.image or Image("not there yet"), facts.socket_gid or 0
    document = container_document(config, image=image, socket_gid=gid)
    if current is None:
        return [act.CreateGateway(document, timeout, "there is none")]
    state = current["State"]
    if differing := differences(document, current, image=image):
        why = f"differs in {', '.join(differing)}"
        return [act.ReplaceGateway(document, _live_config(config), timeout, why)]
    if not state.get("Running"):
        if since := _refused_since(facts, state):
            return [act.RefuseStart(since)]
        return [act.StartGateway(timeout, f"it ended with status {state.get('ExitCode')}")]
    return _kept_running(facts, current, timeout=timeout)


def _kept_running(facts: ContainerFacts, current: Json, *, timeout: float) -> "list[Action]":
    if facts.unkept:
        return [act.RestartGateway(timeout, facts.unkept)]
    started = time_of(current["State"].get("StartedAt"))
    if facts.token_written and started and facts.token_written > started:
        return [act.RestartGateway(timeout, "the gateway token changed")]
    if facts.problem is None:
        return []
    if is_starting(current, facts.now, timeout=timeout):
        return [act.AwaitGateway(timeout)]
    return [act.RestartGateway(timeout, f"not ready: {facts.problem}", unready=True)]


def _refused_since(facts: ContainerFacts, state: Json) -> str | None:
    """When it refused a configuration that is still the same; None when it may try again."""
    ended = time_of(state.get("FinishedAt"))
    if not facts.refused or ended is None:
        return None
    changes = (facts.token_written, facts.config_written)
    if facts.now - ended > _REFUSED_FOR or any(c is not None and c > ended for c in changes):
        return None
    return f"{ended:%H:%M:%S}"


def _has_refused(host: Host, current: Json | None) -> bool:
    state = {} if current is None else current["State"]
    ended = not state.get("Running") and state.get("ExitCode") == REFUSED
    return ended and isinstance(refusal(host, GATEWAY_CONTAINER), GatewayConfigRefusedError)


def _written(host: Host, path: Path) -> datetime | None:
    found = host.files.stat(path)
    return None if found is None else datetime.fromtimestamp(found.modified, UTC)


def _live_config(config: BotConfig) -> Path:
    return Path(config.state.path) / "openclaw.json"
