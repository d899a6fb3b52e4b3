"""The gateway's container: there, as it has to be, running and ready.

Only one gateway can use the state, so a replacement is first proven beside the old one on
an empty state; then the old one drains and the new one takes its place. Killed at any point
in between, the next run finds what is left over and puts it right.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.host import Host
from clawbot_agent.openclaw import gateway_actions as act
from clawbot_agent.openclaw.container_spec import Image, container_document, differences
from clawbot_agent.openclaw.gateway import CANDIDATE, GATEWAY, PREVIOUS, lasting_problem
from clawbot_agent.paths import CANDIDATE_STATE_DIR, DOCKER_SOCKET, GATEWAY_SECRETS_DIR

if TYPE_CHECKING:
    from clawbot_agent.actions import Action

__all__ = ["ContainerFacts", "ContainerStage"]

Json = dict[str, Any]
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """How the gateway is.

    Attributes:
        image: the one under the configured name; None when there is none yet.
        socket_gid: group of the docker socket; None without an engine.
        current, previous: inspected; None when there is none.
        candidate: whether a candidate, or the state of one, was left over.
        token_written: when the token's file was written; None without one.
        problem: why the gateway is not ready; None when it is.
        now: the time of looking.
    """

    image: Image | None = None
    socket_gid: int | None = None
    current: Json | None = field(default=None, repr=False)
    previous: Json | None = field(default=None, repr=False)
    candidate: bool = False
    token_written: datetime | None = None
    problem: str | None = "there is no container"
    now: datetime = _LONG_AGO


class ContainerStage(Stage[ContainerFacts]):
    """One gateway that serves."""

    name = "container"
    title = "OpenClaw gateway"
    phase = Phase.NODE
    needs = ("docker", "image", "openclaw-config")
    # nobody may restart the engine under a gateway that is being replaced
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 900

    def probe(self, host: Host, config: BotConfig) -> ContainerFacts:
        """Inspect the containers and ask the gateway itself."""
        if host.docker.info() is None:
            return ContainerFacts()
        image = host.docker.image(config.image_tag)
        socket = host.files.stat(DOCKER_SOCKET)
        token = host.files.stat(GATEWAY_SECRETS_DIR / "token")
        current = host.docker.container(GATEWAY)
        running = current is not None and bool(current["State"].get("Running"))
        return ContainerFacts(
            image=None if image is None else _image(image),
            socket_gid=None if socket is None else socket.gid,
            current=current,
            previous=host.docker.container(PREVIOUS),
            candidate=host.docker.container(CANDIDATE) is not None
            or host.files.stat(CANDIDATE_STATE_DIR) is not None,
            token_written=None if token is None else datetime.fromtimestamp(token.modified, UTC),
            problem=lasting_problem(host) if running else "it does not run",
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
        return Plan(f"{GATEWAY} is ready with {config.image_tag}", tuple(actions))


def _recovery(facts: ContainerFacts, previous: Json, config: BotConfig) -> "list[Action]":
    """Finish or undo a switch that was interrupted after the old container stopped."""
    back = act.RenameContainer(PREVIOUS, GATEWAY, "its replacement was interrupted")
    if facts.current is None:
        return [back, *_towards_ready(facts, previous, config)]
    if facts.problem is None:
        return [act.RemoveContainer(PREVIOUS, "its replacement is ready")]
    timeout = float(config.gateway.ready_timeout)
    if _is_starting(facts.current, facts.now, timeout=timeout):
        after = act.RemoveContainer(PREVIOUS, "its replacement is ready then")
        return [act.AwaitGateway(timeout), after]
    undo = act.RemoveContainer(GATEWAY, "it never became ready")
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
        live = Path(config.state.path) / "openclaw.json"
        why = f"differs in {', '.join(differing)}"
        return [act.ReplaceGateway(document, live, timeout, why)]
    if not state.get("Running"):
        return [act.StartGateway(timeout, f"it ended with status {state.get('ExitCode')}")]
    return _kept_running(facts, current, timeout=timeout)


def _kept_running(facts: ContainerFacts, current: Json, *, timeout: float) -> "list[Action]":
    started = _started(current)
    if facts.token_written and started and facts.token_written > started:
        return [act.RestartGateway(timeout, "the gateway token changed")]
    if facts.problem is None:
        return []
    if _is_starting(current, facts.now, timeout=timeout):
        return [act.AwaitGateway(timeout)]
    return [act.RestartGateway(timeout, f"not ready: {facts.problem}")]


def _is_starting(container: Json, now: datetime, *, timeout: float) -> bool:
    started = _started(container)
    running = bool(container["State"].get("Running"))
    return running and started is not None and (now - started).total_seconds() < timeout


def _started(container: Mapping[str, Any]) -> datetime | None:
    """When the engine says it started; None when it says nothing usable."""
    text = str(container["State"].get("StartedAt") or "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _image(found: Json) -> Image:
    environment = (found.get("Config") or {}).get("Env") or ()
    return Image(str(found["Id"]), tuple(environment))
