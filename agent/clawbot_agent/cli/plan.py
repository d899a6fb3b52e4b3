"""`clawbot-agent plan`: what a run would change, without changing it."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawbot_agent.cli.common import (
    Exit,
    canceled_by_signals,
    chosen_stages,
    load_or_exit,
    require_root,
    stage_options,
)
from clawbot_agent.core.text import error_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clawbot_agent.records.output import StagePlan


@click.command()
@stage_options
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
@click.option("--exit-code", is_flag=True, help="Exit 3 if a run would change something.")
def plan(
    *, stage: str, phase: str | None, config_file: Path, as_json: bool, exit_code: bool
) -> None:
    """Show what 'run' would change. Makes no changes."""
    config = load_or_exit(config_file)
    from clawbot_agent.engine.planner import plan_stages  # noqa: PLC0415 - after the config is good
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same
    from clawbot_agent.records.output import PlanReport  # noqa: PLC0415 - same
    from clawbot_agent.records.record import text_of  # noqa: PLC0415 - same

    stages = chosen_stages(all_stages(), stage=stage, phase=phase)
    require_root()
    host = system_host(
        deadline=config.limits.run_deadline,
        canceled=canceled_by_signals(),
        guarded=(Path(config.share.path), Path(config.state.path)),
    )
    plans = plan_stages(stages, host=host, config=config)
    if as_json:
        click.echo(text_of(PlanReport(plans)))
    else:
        click.echo("\n".join(_lines(plans)))
    if any(one.error is not None for one in plans):
        raise click.exceptions.Exit(Exit.FAILED)
    if exit_code and any(one.actions for one in plans):
        raise click.exceptions.Exit(Exit.CHANGES)


def _lines(plans: "Sequence[StagePlan]") -> list[str]:
    width = max((len(plan.name) for plan in plans), default=0)
    lines: list[str] = []
    for plan in plans:
        heads = itertools.chain(
            [f"{plan.name:<{width}}  {plan.verdict.value:<9}"],
            itertools.repeat(" " * (width + 11)),
        )
        if plan.error is None:
            texts = plan.actions or (plan.reason,)
        else:
            texts = tuple(error_text(plan.error).splitlines())
        lines += [f"{head}  {text}" for head, text in zip(heads, texts, strict=False)]
    changes = sum(len(plan.actions) for plan in plans)
    unknown = sum(plan.error is not None for plan in plans)
    tail = f"{changes} changes" if changes else "nothing to do"
    return [*lines, f"{tail}; {unknown} stages could not be probed" if unknown else tail]
