"""`clawbot-controller plan`: what `up` would do, and what it costs."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.cli.bots import sites_of
from clawbot_controller.cli.common import Exit, done, files, reported
from clawbot_controller.cost.estimate import Estimate, estimate
from clawbot_controller.cost.prices import Prices
from clawbot_controller.operations.fleet import for_each
from clawbot_controller.operations.plan import Plan, make_plan
from clawbot_controller.operations.steps import Action

_SIGNS: Final = {Action.CREATE: "+", Action.RECOVER: "+", Action.CHANGE: "~", Action.KEEP: "="}
_DONE: Final = {
    Action.CREATE: "to create",
    Action.RECOVER: "to recover",
    Action.CHANGE: "to change",
    Action.KEEP: "kept",
}


@click.command()
@files
@click.option("--exit-code", is_flag=True, help="End with 3 when something would change.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
def plan(*, files: tuple[Path, ...], exit_code: bool, as_json: bool) -> None:
    """Show what `up` would create, change and keep, and the monthly cost; changes nothing."""
    sites = sites_of(files)
    outcomes = for_each(sites, make_plan)
    plans = reported(outcomes)
    prices = Prices(verify=next(iter(sites.values())).cloud.verify)
    costs = {name: estimate(sites[name].deployment, prices) for name in plans}
    if as_json:
        click.echo(_json(plans, costs))
    elif plans:
        click.echo("\n".join(_text(plans, costs)))
    failed = any(isinstance(one, ClawbotError) for one in outcomes.values())
    if exit_code and not failed and any(one.changes for one in plans.values()):
        raise click.exceptions.Exit(Exit.CHANGES)
    done(outcomes)


def _text(plans: Mapping[str, Plan], costs: Mapping[str, Estimate]) -> Iterator[str]:
    for name, found in plans.items():
        yield f"{name}:"
        for step in found.steps:
            yield f"  {_SIGNS[step.action]} {step.says} ({step.name})"
            yield from (f"      {why}" for why in step.why)
        counts = Counter(step.action for step in found.steps)
        yield "  " + ", ".join(
            f"{counts[one]} {says}" for one, says in _DONE.items() if counts[one]
        )
        if found.power.outdated:
            yield "  the instance runs an older model: 'reimage' renews it"
        yield from (f"  {line}" for line in costs[name].text())
    if len(plans) > 1:
        yield f"${sum(one.total for one in costs.values()):.2f} a month for {len(plans)} bots"


def _json(plans: Mapping[str, Plan], costs: Mapping[str, Estimate]) -> str:
    document = {
        name: {
            "changes": found.changes,
            "steps": [asdict(step) for step in found.steps],
            "monthly_dollars": round(costs[name].total, 2),
        }
        for name, found in plans.items()
    }
    return json.dumps(document, indent=2)
