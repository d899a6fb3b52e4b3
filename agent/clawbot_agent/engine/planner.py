"""Plans of all stages without changing anything: what a run would do."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError, UnexpectedError
from clawbot_agent.engine.stage import AnyStage
from clawbot_agent.host import Host
from clawbot_agent.records.output import PlanVerdict, StagePlan
from clawbot_agent.records.run import StageError


def plan_stages(
    stages: Sequence[AnyStage], *, host: Host, config: BotConfig
) -> tuple[StagePlan, ...]:
    """Return the plans of `stages`, each made within its own budget, all in parallel."""
    with ThreadPoolExecutor(max_workers=max(1, len(stages))) as pool:
        plans = tuple(pool.map(lambda stage: _planned(stage, host=host, config=config), stages))
    # a stage may have read a secret after another stage used it in a text
    return tuple(_scrubbed(plan, host=host) for plan in plans)


def _planned(stage: AnyStage, *, host: Host, config: BotConfig) -> StagePlan:
    found = StagePlan(stage.name, stage.phase.value, PlanVerdict.UNCHANGED)
    if reason := stage.skip_reason(config):
        return replace(found, verdict=PlanVerdict.SKIPPED, reason=reason)
    try:
        plan = stage.look(host.within(stage.budget, label=stage.name), config)
    except ClawbotError as error:
        return replace(found, verdict=PlanVerdict.UNKNOWN, error=StageError.of(error))
    except Exception as error:  # noqa: BLE001 - a defect in one stage must not hide the others
        unexpected = UnexpectedError(f"{type(error).__name__}: {error}")
        return replace(found, verdict=PlanVerdict.UNKNOWN, error=StageError.of(unexpected))
    if plan.empty:
        return replace(found, reason=plan.reason)
    actions = tuple(action.summary for action in plan.actions)
    return replace(found, verdict=PlanVerdict.CHANGE, actions=actions)


def _scrubbed(plan: StagePlan, *, host: Host) -> StagePlan:
    scrub = host.redactor.scrub
    error = plan.error
    if error is not None:
        error = replace(error, message=scrub(error.message), hint=scrub(error.hint))
    actions = tuple(scrub(action) for action in plan.actions)
    return replace(plan, reason=scrub(plan.reason), actions=actions, error=error)
