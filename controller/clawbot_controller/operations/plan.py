"""`plan`: what `up` would do for one bot; writes nothing."""

from dataclasses import dataclass
from typing import Final

from clawbot_controller.azure.errors import SecretForbiddenError
from clawbot_controller.azure.secrets import SecretState
from clawbot_controller.model import bot
from clawbot_controller.operations.desired import (
    UNKNOWN,
    own_resources,
    principal_of,
    shared_resources,
)
from clawbot_controller.operations.edits import check_edits
from clawbot_controller.operations.ownership import check_own, check_shared
from clawbot_controller.operations.power import Power, power_step
from clawbot_controller.operations.preflight import Ground, preflight
from clawbot_controller.operations.site import Site
from clawbot_controller.operations.steps import Action, Step, examine

__all__ = ["Plan", "make_plan"]

# stands for a key in a model that is only looked at
_NO_KEY: Final = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for one bot, in their order.

    Attributes:
        power: what `up` finds of the instance.
    """

    bot: str
    steps: tuple[Step, ...]
    power: Power

    @property
    def changes(self) -> bool:
        """Whether `up` would write anything."""
        return any(step.action is not Action.KEEP for step in self.steps)


def make_plan(site: Site) -> Plan:
    """Look at everything that the bot needs.

    Raises:
        AzureError: it cannot be looked at, or not be made.
    """
    ground = preflight(site)
    check_edits(site, check_own(site))
    check_shared(site)
    region = site.deployment.target.region
    everything = shared_resources(
        site.shared, region, tenant=ground.tenant, operator=ground.operator
    )
    shared_steps = tuple(examine(site.arm, one, site.arm.get(one.id)) for one in everything)
    identity = bot.identity(site.names, region).tagged(bot.tags(site.deployment))
    found = site.arm.get(identity.id)
    principal = UNKNOWN if found is None else principal_of(found)
    own = own_resources(site.names, site.deployment, principal, _NO_KEY)
    own_steps = tuple(examine(site.arm, one, site.arm.get(one.id)) for one in own)
    power = power_step(site)
    steps = (
        *shared_steps,
        examine(site.arm, identity, found),
        *_secret_steps(site, ground, new_vault=shared_steps),
        *own_steps,
        *power.steps,
    )
    return Plan(site.deployment.name, steps, power)


def _secret_steps(site: Site, ground: Ground, *, new_vault: tuple[Step, ...]) -> tuple[Step, ...]:
    created = bot.created(site.names, site.deployment, UNKNOWN.client_id)
    wanted: list[tuple[str, str | None, str]] = [
        (created.gateway_token, None, "gateway token, made here at random")
    ]
    if created.openclaw_config is not None:
        wanted.append((created.openclaw_config, site.deployment.fragment, "openclaw.json fragment"))
    vault = next(step for step in new_vault if step.name == site.shared.vault)
    readable = vault.action in {Action.KEEP, Action.CHANGE} and ground.operator is not None
    return tuple(
        Step(name=name, says=f"secret: {says}", action=_secret_action(site, name, content))
        if readable
        else Step(name=name, says=f"secret: {says}", action=Action.CREATE)
        for name, content, says in wanted
    )


def _secret_action(site: Site, name: str, content: str | None) -> Action:
    try:
        state = site.secrets(role_assigned=False).state(name, content)
    except SecretForbiddenError:
        # the right to look is one of the things that `up` makes
        return Action.CREATE
    actions = {SecretState.SAME: Action.KEEP, SecretState.OTHER: Action.CHANGE}
    return actions.get(state, Action.CREATE)
