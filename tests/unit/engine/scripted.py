"""Stages that do as a test says."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError
from clawbot_agent.engine.backoff import BackOff
from clawbot_agent.engine.events import Event
from clawbot_agent.engine.runner import Runner
from clawbot_agent.engine.stage import AnyStage, Graph, Phase, Plan, Resource, Stage
from clawbot_agent.host import Host
from clawbot_agent.records.run import RunStatus, StageStatus
from tests.fakes import a_config, fake_host

__all__ = [
    "Behavior",
    "Journal",
    "PassingError",
    "SlowPassingError",
    "StuckError",
    "a_stage",
    "a_status",
    "run_stages",
]


class StuckError(ClawbotError):
    """Not worth waiting for."""

    code = "STUCK"
    hint = "look at it"


class PassingError(ClawbotError):
    """Worth a short wait."""

    code = "PASSING"
    retry = BRIEF
    hint = "wait a little"


class SlowPassingError(ClawbotError):
    """Worth a long wait."""

    code = "SLOW_PASSING"
    retry = PATIENT
    hint = "wait longer"


@dataclass
class Behavior:
    """What a stage meets.

    Attributes:
        todo: what is to be done; doing it takes it away.
        errors: raised by the next probes, in turn.
        stubborn: doing things does not help.
        during: called while an action is applied.
        required: see `Stage.required`.
        absent: see `Stage.skip_reason`.
    """

    todo: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    stubborn: bool = False
    during: Callable[[Host], None] = lambda _host: None
    required: bool = True
    absent: str | None = None


@dataclass(frozen=True, slots=True)
class _Do:
    what: str
    behavior: Behavior

    @property
    def summary(self) -> str:
        return f"do {self.what}"

    def apply(self, host: Host) -> None:
        self.behavior.during(host)
        if not self.behavior.stubborn:
            self.behavior.todo.remove(self.what)


class _Scripted(Stage[tuple[str, ...]]):
    title = "a test's"
    phase = Phase.NODE
    behavior: Behavior

    def probe(self, host: Host, config: BotConfig) -> tuple[str, ...]:
        del host, config
        if self.behavior.errors:
            raise self.behavior.errors.pop(0)
        return tuple(self.behavior.todo)

    def plan(self, facts: tuple[str, ...], config: BotConfig) -> Plan:
        del config
        return Plan("all is done", tuple(_Do(what, self.behavior) for what in facts))

    def skip_reason(self, config: BotConfig) -> str | None:
        del config
        return self.behavior.absent

    def required(self, config: BotConfig) -> bool:
        del config
        return self.behavior.required


def a_stage(  # noqa: PLR0913 - one argument for each attribute of a stage
    name: str,
    behavior: Behavior | None = None,
    *,
    needs: tuple[str, ...] = (),
    locks: frozenset[Resource] = frozenset(),
    budget: float = 600,
    phase: Phase = Phase.NODE,
    repairs_back_off: bool = True,
) -> AnyStage:
    """A stage of its own class, as real ones are."""
    attributes = {
        "name": name,
        "needs": needs,
        "locks": locks,
        "budget": budget,
        "phase": phase,
        "repairs_back_off": repairs_back_off,
        "behavior": behavior or Behavior(),
    }
    made: AnyStage = type(f"Stage_{name}", (_Scripted,), attributes)()
    return made


@dataclass
class Journal:
    """An observer that remembers."""

    events: list[Event] = field(default_factory=list)
    statuses: list[RunStatus] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Take note."""
        self.events.append(event)
        self.statuses.append(status)
        self.threads.add(threading.current_thread().name)

    def of(self, kind: str) -> list[Event]:
        """Events of one kind."""
        return [event for event in self.events if event.kind == kind]


def a_status(stages: Sequence[AnyStage], host: Host) -> RunStatus:
    """A run in which nothing has happened yet."""
    return RunStatus(
        instance_id="i-1",
        boot_id="b-1",
        agent_version="0.0.0",
        started=host.clock.now(),
        stages=tuple(StageStatus(stage.name, stage.phase.value) for stage in stages),
    )


def run_stages(
    *stages: AnyStage,
    host: Host | None = None,
    journal: Journal | None = None,
    only: Sequence[str] | None = None,
    back_off: BackOff | None = None,
) -> RunStatus:
    """Run them on a machine of fakes."""
    host = host or fake_host()
    graph = Graph(stages)
    runner = Runner(
        graph,
        host=host,
        config=a_config(),
        status=a_status(graph.order, host),
        observers=[journal] if journal else [],
        back_off=back_off,
    )
    return runner.run(graph.choose(only, phase=None))
