"""One run of a bot's stages, with its back-off and the record of its result."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from clawbot_agent import __version__
from clawbot_agent.bundle.bundle import collect
from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.backoff import BackOff
from clawbot_agent.engine.events import Observer
from clawbot_agent.engine.runner import Runner
from clawbot_agent.engine.stage import AnyStage, Graph
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileWriteError
from clawbot_agent.host.identity import identity
from clawbot_agent.lifecycle.replacement import ReplacementObserver
from clawbot_agent.records.run import BACKOFF, DURATIONS, RunStatus, StageStatus


@dataclass(frozen=True, slots=True)
class BotRun:
    """A run that is about to start.

    Attributes:
        graph: all stages.
        stages: those to work on.
        back_off: skip stages that are backing off.
    """

    graph: Graph
    stages: Sequence[AnyStage]
    host: Host = field(kw_only=True)
    config: BotConfig = field(kw_only=True)
    back_off: bool = field(kw_only=True)

    def __call__(self, observers: Sequence[Observer]) -> RunStatus:
        """Run to the end and return the result."""
        status = self._pending()
        back_off = BackOff.of(
            BACKOFF.load(self.host.files),
            boot_id=status.boot_id,
            config=hashlib.sha256(self.config.model_dump_json().encode()).hexdigest(),
            binding=self.back_off,
        )
        runner = Runner(
            self.graph,
            host=self.host,
            config=self.config,
            status=status,
            # first: the verdict on replacement exists before the result is reported
            observers=[*self._replacement(observers), *observers],
            back_off=back_off,
        )
        ended = runner.run(self.stages)
        with contextlib.suppress(FileWriteError):
            BACKOFF.save(self.host.files, back_off.record)
        return ended

    def _replacement(self, others: Sequence[Observer]) -> list[Observer]:
        """Return the observer of a run of all stages; only such a run judges the instance."""
        if {stage.name for stage in self.stages} != set(self.graph.names):
            return []
        return [
            ReplacementObserver(
                self.host,
                self.config,
                others=others,
                make_evidence=lambda host: collect(host, self.config),
            )
        ]

    def _pending(self) -> RunStatus:
        """Return the status of a run that has done nothing yet."""
        me = identity(self.host.files)
        durations = DURATIONS.load(self.host.files)
        usual = {} if durations is None else durations.seconds
        return RunStatus(
            instance_id=me.instance_id,
            boot_id=me.boot_id,
            agent_version=__version__,
            started=self.host.clock.now(),
            stages=tuple(
                StageStatus(
                    stage.name,
                    stage.phase.value,
                    title=stage.title,
                    expected=usual.get(stage.name, stage.typical),
                )
                for stage in self.graph.order
            ),
        )
