"""Stage `gateway`: the gateway's container exists as configured, runs and is ready.

Only one gateway can use the bot data. So a replacement is first tested next to the old container
with an empty state directory; then the old one is drained and the new one takes its place. The next
run completes or undoes an interrupted replacement. systemd restarts the gateway after a crash,
unless it rejected its configuration; then it stays down until the configuration changes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_CONTAINER
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR, DOCKER_SOCKET, GATEWAY_SECRETS_DIR
from clawbot_agent.engine.stage import Phase, Plan, Resource, Stage
from clawbot_agent.features.gateway import actions as act
from clawbot_agent.features.gateway.config_stage import live_path
from clawbot_agent.features.gateway.container_spec import (
    CANDIDATE,
    PREVIOUS,
    Image,
    Json,
    container_document,
    differences,
)
from clawbot_agent.features.gateway.errors import GatewayConfigRefusedError
from clawbot_agent.features.gateway.readiness import (
    EXIT_REFUSED,
    docker_time,
    is_starting,
    refusal,
    running_problem,
)
from clawbot_agent.features.gateway.unit import unmanaged_reason
from clawbot_agent.host import Host

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
# the rejection may have a cause outside of the files that are compared
_REFUSED_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """The gateway as it is.

    Attributes:
        image: the image with the configured name; None if it does not exist yet.
        socket_gid: group of the Docker socket; None without Docker.
        current, previous: inspected containers; None if they do not exist.
        candidate: whether a candidate or its state directory was left over.
        unmanaged: why systemd does not keep the gateway up; empty if it does.
        refused: whether it exited because it rejects its configuration.
        token_written, config_written: modification times of these files; None without them.
        problem: why the gateway is not ready; None if it is.
        now: time of the probe.
    """

    image: Image | None = None
    socket_gid: int | None = None
    current: Json | None = field(default=None, repr=False)
    previous: Json | None = field(default=None, repr=False)
    candidate: bool = False
    unmanaged: str = ""
    refused: bool = False
    token_written: datetime | None = None
    config_written: datetime | None = None
    problem: str | None = "there is no container"
    now: datetime = _LONG_AGO


class GatewayStage(Stage[GatewayFacts]):
    """One gateway serves."""

    name = "gateway"
    title = "OpenClaw gateway"
    phase = Phase.NODE
    needs = ("docker", "image", "openclaw-config")
    # Docker must not be restarted during a replacement
    locks = frozenset({Resource.DOCKER_DAEMON})
    budget = 900
    typical = 30

    def probe(self, host: Host, config: BotConfig) -> GatewayFacts:
        """Inspect the containers and query the gateway."""
        if host.docker.info() is None:
            return GatewayFacts()
        image = host.docker.image(config.image_tag)
        socket = host.files.stat(DOCKER_SOCKET)
        current = host.docker.container(GATEWAY_CONTAINER)
        return GatewayFacts(
            image=None if image is None else Image.of(image),
            socket_gid=None if socket is None else socket.gid,
            current=current,
            previous=host.docker.container(PREVIOUS),
            candidate=host.docker.container(CANDIDATE) is not None
            or host.files.stat(CANDIDATE_STATE_DIR) is not None,
            refused=_has_rejected(host, current),
            unmanaged=unmanaged_reason(host),
            token_written=_written(host, GATEWAY_SECRETS_DIR / "token"),
            config_written=_written(host, live_path(config)),
            problem=running_problem(host, current, timeout=float(config.gateway.ready_timeout)),
            now=host.clock.now(),
        )

    def plan(self, facts: GatewayFacts, config: BotConfig) -> Plan:
        """Remove what an interrupted run left, then create, replace, start or wait."""
        actions: list[Action] = []
        if facts.candidate:
            actions.append(act.RemoveCandidate())
        if facts.previous is None:
            actions += _towards_ready(facts, facts.current, config)
        else:
            actions += _recovery(facts, facts.previous, config)
        return Plan(f"{GATEWAY_CONTAINER} is ready with {config.image_tag}", tuple(actions))

    def backs_off(self, error: ClawbotError) -> bool:
        """Do not back off for a rejected configuration: `_refused_since` decides."""
        return super().backs_off(error) and not isinstance(error, GatewayConfigRefusedError)


def _recovery(facts: GatewayFacts, previous: Json, config: BotConfig) -> "list[Action]":
    """Complete or undo a replacement that was interrupted after the old container stopped."""
    back = act.RenameContainer(PREVIOUS, GATEWAY_CONTAINER, "its replacement was interrupted")
    if facts.current is None:
        return [back, *_towards_ready(facts, previous, config)]
    if facts.problem is None:
        return [act.RemoveContainer(PREVIOUS, "its replacement is ready")]
    timeout = float(config.gateway.ready_timeout)
    if is_starting(facts.current, facts.now, timeout=timeout):
        after = act.RemoveContainer(PREVIOUS, "its replacement will be ready")
        return [act.AwaitGateway(timeout), after]
    undo = act.RemoveContainer(GATEWAY_CONTAINER, "it never became ready")
    return [undo, back, *_towards_ready(facts, previous, config)]


def _towards_ready(facts: GatewayFacts, current: Json | None, config: BotConfig) -> "list[Action]":
    timeout = float(config.gateway.ready_timeout)
    image, gid = facts.image or Image("missing"), facts.socket_gid or 0
    document = container_document(config, image=image, socket_gid=gid)
    if current is None:
        return [act.CreateGateway(document, timeout, "missing")]
    state = current["State"]
    if differing := differences(document, current, image=image):
        why = f"differs in {', '.join(differing)}"
        return [act.ReplaceGateway(document, live_path(config), timeout, why)]
    if not state.get("Running"):
        if since := _refused_since(facts, state):
            return [act.RefuseStart(since)]
        return [act.StartGateway(timeout, f"it ended with status {state.get('ExitCode')}")]
    return _while_running(facts, current, timeout=timeout)


def _while_running(facts: GatewayFacts, current: Json, *, timeout: float) -> "list[Action]":
    if facts.unmanaged:
        return [act.RestartGateway(timeout, facts.unmanaged)]
    started = docker_time(current["State"].get("StartedAt"))
    if facts.token_written and started and facts.token_written > started:
        return [act.RestartGateway(timeout, "the gateway token changed")]
    if facts.problem is None:
        return []
    if is_starting(current, facts.now, timeout=timeout):
        return [act.AwaitGateway(timeout)]
    return [act.RestartGateway(timeout, f"not ready: {facts.problem}", unready=True)]


def _refused_since(facts: GatewayFacts, state: Json) -> str | None:
    """Return when it rejected the present configuration; None if a start may help."""
    ended = docker_time(state.get("FinishedAt"))
    if not facts.refused or ended is None:
        return None
    changes = (facts.token_written, facts.config_written)
    if facts.now - ended > _REFUSED_FOR or any(c is not None and c > ended for c in changes):
        return None
    return f"{ended:%H:%M:%S}"


def _has_rejected(host: Host, current: Json | None) -> bool:
    state = {} if current is None else current["State"]
    ended = not state.get("Running") and state.get("ExitCode") == EXIT_REFUSED
    return ended and isinstance(refusal(host, GATEWAY_CONTAINER), GatewayConfigRefusedError)


def _written(host: Host, path: Path) -> datetime | None:
    found = host.files.stat(path)
    return None if found is None else datetime.fromtimestamp(found.modified, UTC)
