"""Plans of all stages without any change: what a run would do."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError, UnexpectedError
from clawbot_agent.engine.stage import AnyStage
from clawbot_agent.host import Host
from clawbot_agent.records.status import StageError

__all__ = ["PlanVerdict", "StagePlan", "plan_stages"]


class PlanVerdict(StrEnum):
    """What a run would do with a stage."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What a run would do in one stage, or why that is not known."""

    name: str
    phase: str
    verdict: PlanVerdict
    reason: str = ""
    actions: tuple[str, ...] = ()
    error: StageError | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON; the keys are a public interface."""
        return {
            "name": self.name,
            "phase": self.phase,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "actions": list(self.actions),
            "error": None if self.error is None else self.error.document(),
        }


def plan_stages(
    stages: Sequence[AnyStage], *, host: Host, config: BotConfig
) -> tuple[StagePlan, ...]:
    """Return the plans of `stages`, made at the same time, each within its own budget."""
    with ThreadPoolExecutor(max_workers=max(1, len(stages))) as pool:
        plans = tuple(pool.map(lambda stage: _planned(stage, host=host, config=config), stages))
    # one stage may read a secret after another has named it
    return tuple(_scrubbed(plan, host=host) for plan in plans)


def _planned(stage: AnyStage, *, host: Host, config: BotConfig) -> StagePlan:
    planned = StagePlan(stage.name, stage.phase.value, PlanVerdict.UNCHANGED)
    if reason := stage.skip_reason(config):
        return replace(planned, verdict=PlanVerdict.SKIPPED, reason=reason)
    try:
        plan = stage.look(host.within(stage.budget, label=stage.name), config)
    except ClawbotError as error:
        return replace(planned, verdict=PlanVerdict.UNKNOWN, error=StageError.of(error))
    except Exception as error:  # noqa: BLE001 - a defect in one stage must not hide the others
        unexpected = UnexpectedError(f"{type(error).__name__}: {error}")
        return replace(planned, verdict=PlanVerdict.UNKNOWN, error=StageError.of(unexpected))
    if plan.empty:
        return replace(planned, reason=plan.reason)
    actions = tuple(action.summary for action in plan.actions)
    return replace(planned, verdict=PlanVerdict.CHANGE, actions=actions)


def _scrubbed(plan: StagePlan, *, host: Host) -> StagePlan:
    scrub = host.redactor.scrub
    error = plan.error
    if error is not None:
        error = replace(error, message=scrub(error.message), hint=scrub(error.hint))
    actions = tuple(scrub(action) for action in plan.actions)
    return replace(plan, reason=scrub(plan.reason), actions=actions, error=error)
