"""Commands that create and delete bots: plan, up and destroy."""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from clawbot_agent.core.errors import ClawbotError
from clawbot_controller.cli.bots import contexts_of, each_bot
from clawbot_controller.cli.common import Exit, done, files, reported
from clawbot_controller.cost import Estimate, Prices, estimate
from clawbot_controller.deployment.names import Place
from clawbot_controller.errors import DestroyNotConfirmedError
from clawbot_controller.operations.context import BotContext
from clawbot_controller.operations.destroy import destroy as destroy_bot
from clawbot_controller.operations.destroy import destroy_shared
from clawbot_controller.operations.parallel import OncePerKey, for_each
from clawbot_controller.operations.reconcile import Action, Step
from clawbot_controller.operations.up import Plan, make_plan
from clawbot_controller.operations.up import up as deploy_bot

_SIGNS: Final = {Action.CREATE: "+", Action.RECOVER: "+", Action.CHANGE: "~", Action.KEEP: "="}
_COUNTED: Final = {
    Action.CREATE: "to create",
    Action.RECOVER: "to recover",
    Action.CHANGE: "to change",
    Action.KEEP: "unchanged",
}


@click.command()
@files
@click.option("--exit-code", is_flag=True, help="Exit 3 if 'up' would change anything.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
def plan(*, files: tuple[Path, ...], exit_code: bool, as_json: bool) -> None:
    """Show what 'up' would create and change, and the monthly cost. Makes no changes."""
    bots = contexts_of(files)
    outcomes = for_each(bots, make_plan)
    plans = reported(outcomes)
    prices = Prices(verify=next(iter(bots.values())).cloud.verify)
    costs = {name: estimate(bots[name].deployment, prices) for name in plans}
    if as_json:
        click.echo(_plans_json(plans, costs))
    elif plans:
        click.echo("\n".join(_plans_text(plans, costs)))
    failed = any(isinstance(one, ClawbotError) for one in outcomes.values())
    if exit_code and not failed and any(one.changes for one in plans.values()):
        raise click.exceptions.Exit(Exit.CHANGES)
    done(outcomes)


@click.command()
@files
def up(files: tuple[Path, ...]) -> None:
    """Create or change bots to match their files, and start stopped instances.

    It can be interrupted and run again at any time: it continues, and creates nothing twice.
    """
    shared = OncePerKey[Place, tuple[Step, ...]]()
    outcomes = each_bot(files, lambda bot: deploy_bot(bot, shared))
    for name, steps in reported(outcomes).items():
        counts = Counter(step.action for step in steps)
        created = counts[Action.CREATE] + counts[Action.RECOVER]
        changed, unchanged = counts[Action.CHANGE], counts[Action.KEEP]
        click.echo(f"{name}: up: {created} created, {changed} changed, {unchanged} unchanged")
    done(outcomes)


@click.command()
@files
@click.option("--delete-data", is_flag=True, help="Delete the bot data and secrets as well.")
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="NAME",
    help="Name of a bot whose bot data to delete; can be repeated.",
)
def destroy(*, files: tuple[Path, ...], delete_data: bool, confirmed: tuple[str, ...]) -> None:
    """Delete bots. Bot data and secrets are kept unless --delete-data is given.

    --delete-data requires each bot's name, typed at the prompt or given as --confirm NAME. With
    the last bot of a resource group it also deletes the network, the vault and, if the controller
    created it, the group.
    """
    bots = contexts_of(files)
    agreed = {name for name in bots if name in confirmed or (delete_data and _typed(name))}

    def work(bot: BotContext) -> bool:
        if delete_data and bot.deployment.name not in agreed:
            msg = f"{bot.deployment.name}: deleting the bot data was not confirmed"
            raise DestroyNotConfirmedError(msg)
        return destroy_bot(bot, delete_data=delete_data)

    existed = for_each(bots, work)
    shared = _destroy_shared(bots, existed) if delete_data else {}
    outcomes: dict[str, object] = {**existed, **shared}
    for name in reported(outcomes):
        group = bots[name].names.place.resource_group
        result = "destroyed" if delete_data else "destroyed; bot data and secrets kept"
        click.echo(f"{name}: {result if existed[name] else f'not in the resource group {group}'}")
    done(outcomes)


def _plans_text(plans: Mapping[str, Plan], costs: Mapping[str, Estimate]) -> Iterator[str]:
    for name, found in plans.items():
        yield f"{name}:"
        for step in found.steps:
            yield f"  {_SIGNS[step.action]} {step.description} ({step.name})"
            yield from (f"      {reason}" for reason in step.reasons)
        counts = Counter(step.action for step in found.steps)
        yield "  " + ", ".join(
            f"{counts[one]} {text}" for one, text in _COUNTED.items() if counts[one]
        )
        if found.instances.outdated:
            yield "  the instance has an outdated model: 'reimage' updates it"
        yield from (f"  {line}" for line in costs[name].text())
    if len(plans) > 1:
        yield f"${sum(one.total for one in costs.values()):.2f} a month for {len(plans)} bots"


def _plans_json(plans: Mapping[str, Plan], costs: Mapping[str, Estimate]) -> str:
    document = {
        name: {
            "changes": found.changes,
            "steps": [asdict(step) for step in found.steps],
            "monthly_dollars": round(costs[name].total, 2),
        }
        for name, found in plans.items()
    }
    return json.dumps(document, indent=2)


def _typed(name: str) -> bool:
    question = f"type the name of the bot to delete its bot data permanently ({name})"
    try:
        return str(click.prompt(question, default="", show_default=False, err=True)) == name
    except click.Abort:
        # an interrupt cancels everything, also for names typed before; end of input refuses one
        if _at_a_terminal():
            raise
        return False


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _destroy_shared(
    bots: Mapping[str, BotContext], outcomes: Mapping[str, object]
) -> dict[str, ClawbotError | None]:
    """Delete the shared resources of groups whose bots are all gone; by the first bot's name."""
    groups: defaultdict[object, list[BotContext]] = defaultdict(list)
    for bot in bots.values():
        groups[bot.names.place].append(bot)
    gone = {
        group[0].deployment.name: group
        for group in groups.values()
        if not any(isinstance(outcomes[one.deployment.name], ClawbotError) for one in group)
    }
    return for_each(gone, destroy_shared)
