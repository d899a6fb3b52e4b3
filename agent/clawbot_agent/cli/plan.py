"""`clawbot-agent plan`: what a run would do, without doing it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawbot_agent.cli.common import (
    Exit,
    cancelled_by_signals,
    chosen_stages,
    load_or_exit,
    require_root,
    stage_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clawbot_agent.engine.planner import StagePlan

__all__ = ["plan"]


@click.command()
@stage_options
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
@click.option(
    "--exit-code",
    "exit_code",
    is_flag=True,
    help="Exit 3 when something would change.",
)
def plan(
    *, stage: str, phase: str | None, config_file: Path, as_json: bool, exit_code: bool
) -> None:
    """Look at every stage and say what 'run' would do. Changes nothing."""
    config = load_or_exit(config_file)
    from clawbot_agent.engine.planner import look_at  # noqa: PLC0415 - after the config is good
    from clawbot_agent.features.registry import all_stages  # noqa: PLC0415 - same
    from clawbot_agent.host import system_host  # noqa: PLC0415 - same

    stages = chosen_stages(all_stages(), stage=stage, phase=phase)
    require_root()
    host = system_host(
        deadline=config.limits.run_deadline,
        cancelled=cancelled_by_signals(),
        guarded=(Path(config.share.path), Path(config.state.path)),
    )
    plans = look_at(stages, host=host, config=config)
    if as_json:
        click.echo(json.dumps({"schema": 1, "stages": [p.document() for p in plans]}, indent=2))
    else:
        for line in _lines(plans):
            click.echo(line)
    if any(told.error is not None for told in plans):
        raise click.exceptions.Exit(Exit.FAILED)
    if exit_code and any(told.actions for told in plans):
        raise click.exceptions.Exit(Exit.CHANGES)


def _lines(plans: "Sequence[StagePlan]") -> list[str]:
    width = max((len(told.name) for told in plans), default=0)
    lines: list[str] = []
    for told in plans:
        head = f"{told.name:<{width}}  {told.verdict.value:<9}"
        if told.error is not None:
            lines.append(f"{head}  {told.error.code}: {told.error.message}")
            lines.append(f"{'':<{width}}  {'':<9}  next: {told.error.hint}")
        elif told.actions:
            lines.append(f"{head}  {told.actions[0]}")
            lines += [f"{'':<{width}}  {'':<9}  {action}" for action in told.actions[1:]]
        else:
            lines.append(f"{head}  {told.reason}")
    changes = sum(len(told.actions) for told in plans)
    unknown = sum(told.error is not None for told in plans)
    tail = f"{changes} changes" if changes else "nothing to do"
    return [*lines, f"{tail}; {unknown} stages could not be looked at" if unknown else tail]
