"""One run of a bot's stages, and what goes with it: its pace, and the memory of how it ended."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clawbot_agent import __version__
from clawbot_agent.bundle.bundle import collect
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.paths import DURATIONS_FILE, PACE_FILE
from clawbot_agent.engine.backoff import Pace
from clawbot_agent.engine.events import Observer
from clawbot_agent.engine.graph import AnyStage, Graph
from clawbot_agent.engine.runner import Runner
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileWriteError
from clawbot_agent.host.identity import identity
from clawbot_agent.lifecycle.replacement.observer import RepairSense
from clawbot_agent.records.status import RunStatus, StageStatus
from clawbot_agent.report.durations import read_durations

__all__ = ["BotRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRun:
    """A run that is about to begin.

    Attributes:
        graph: all stages.
        stages: those of them that are to be worked on.
        paced: let rest what failed or was repaired lately.
    """

    graph: Graph
    stages: Sequence[AnyStage]
    host: Host
    config: BotConfig
    paced: bool

    def __call__(self, observers: Sequence[Observer]) -> RunStatus:
        """Run to the end; how it ended."""
        status = self._pending()
        pace = self._pace(status)
        # first: its verdict is there before the others say how the run ended
        sense = [self._sense(observers)] if self._whole else []
        runner = Runner(
            self.graph,
            host=self.host,
            config=self.config,
            status=status,
            observers=[*sense, *observers],
            pace=pace,
        )
        ended = runner.run(self.stages)
        with contextlib.suppress(FileWriteError):
            self.host.files.write(PACE_FILE, pace.text(), mode=0o644)
        return ended

    @property
    def _whole(self) -> bool:
        return {stage.name for stage in self.stages} == {stage.name for stage in self.graph.order}

    def _sense(self, others: Sequence[Observer]) -> RepairSense:
        def evidence(host: Host) -> Path:
            return collect(host, self.config)

        return RepairSense(self.host, self.config, others=others, make_evidence=evidence)

    def _pace(self, status: RunStatus) -> Pace:
        return Pace.read(
            self.host.files.read_text(PACE_FILE),
            boot_id=status.boot_id,
            config=hashlib.sha256(self.config.model_dump_json().encode()).hexdigest(),
            binding=self.paced,
        )

    def _pending(self) -> RunStatus:
        """The status of a run of which nothing is done yet."""
        me = identity(self.host.files)
        usual = read_durations(DURATIONS_FILE, self.host.files)
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
