"""`plan` and `up`: what a bot needs, and making it so."""

from dataclasses import dataclass
from typing import Final

from clawbot_controller.azure.errors import SecretForbiddenError
from clawbot_controller.azure.vault import SecretState
from clawbot_controller.deployment.names import Place
from clawbot_controller.model.bot_resources import (
    PENDING_IDENTITY,
    BotIdentity,
    created_names,
    identity_resource,
    own_resources,
)
from clawbot_controller.model.resource import Resource, value_at
from clawbot_controller.model.scale_set import KEY_PATH
from clawbot_controller.model.shared_resources import shared_resources
from clawbot_controller.operations.checks import (
    SignIn,
    check_edit,
    check_own,
    check_rights,
    check_shared,
    preflight,
)
from clawbot_controller.operations.context import BotContext
from clawbot_controller.operations.parallel import OncePerKey
from clawbot_controller.operations.power import InstanceStates, ensure_started, instance_states
from clawbot_controller.operations.reconcile import Action, Step, ensure, examine

# placeholder in a model that is only compared
_NO_KEY: Final = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` would do for one bot, in order, and the state of its instances."""

    steps: tuple[Step, ...]
    instances: InstanceStates

    @property
    def changes(self) -> bool:
        """Whether `up` would write anything."""
        return any(step.action is not Action.KEEP for step in self.steps)


def make_plan(bot: BotContext) -> Plan:
    """Compare everything that the bot needs with what exists; write nothing.

    Raises:
        AzureError: something cannot be read, or cannot be created.
    """
    sign_in = preflight(bot)
    check_edit(bot, check_own(bot))
    check_shared(bot)
    shared = tuple(_examine(bot, one) for one in _shared_resources(bot, sign_in))
    identity = identity_resource(bot.names, bot.deployment)
    found = bot.arm.get(identity.id)
    known = PENDING_IDENTITY if found is None else BotIdentity.of(found)
    own = own_resources(bot.names, bot.deployment, known, _NO_KEY)
    own_steps = tuple(_examine(bot, one) for one in own)
    instances = instance_states(bot)
    steps = (
        *shared,
        examine(bot.arm, identity, found),
        *_planned_secrets(bot, sign_in, shared),
        *own_steps,
        *instances.steps,
    )
    return Plan(steps, instances)


def up(bot: BotContext, shared: OncePerKey[Place, tuple[Step, ...]]) -> tuple[Step, ...]:
    """Create and change what one bot needs; return what was done.

    Each step compares before it writes, so a second `up` writes nothing and an interrupted one
    can be continued. `shared` creates each group's shared resources once for all bots.
    """
    sign_in = preflight(bot)
    check_edit(bot, check_own(bot))
    check_rights(bot)
    done = list(shared.get(bot.names.place, lambda: _ensure_shared(bot, sign_in)))
    step, found = ensure(bot.arm, identity_resource(bot.names, bot.deployment), bot.report)
    identity = BotIdentity.of(found)
    done += [step, *_ensure_secrets(bot, sign_in, identity.client_id)]
    own = own_resources(bot.names, bot.deployment, identity, _public_key(bot))
    done += [_ensure(bot, one) for one in own]
    if done[-1].action is Action.CHANGE and bot.deployment.target.orchestration == "flexible":
        bot.report("run 'reimage' for new custom data, or 'stop --to-zero' and 'start' for all")
    return (*done, *ensure_started(bot))


def _shared_resources(bot: BotContext, sign_in: SignIn) -> tuple[Resource, ...]:
    place, operator = bot.names.place, sign_in.operator
    return shared_resources(place, bot.region, tenant=sign_in.tenant, operator=operator)


def _ensure_shared(bot: BotContext, sign_in: SignIn) -> tuple[Step, ...]:
    check_shared(bot)
    return tuple(_ensure(bot, one) for one in _shared_resources(bot, sign_in))


def _ensure(bot: BotContext, resource: Resource) -> Step:
    return ensure(bot.arm, resource, bot.report)[0]


def _examine(bot: BotContext, resource: Resource) -> Step:
    return examine(bot.arm, resource, bot.arm.get(resource.id))


def _ensure_secrets(bot: BotContext, sign_in: SignIn, client_id: str) -> list[Step]:
    vault = bot.secrets(role_assigned=sign_in.operator is not None)
    created = created_names(bot.names, bot.deployment, client_id)
    written = vault.ensure_token(created.gateway_token)
    steps = [_secret_step(bot, created.gateway_token, "gateway token", written=written)]
    if (name := created.openclaw_config) is not None:
        written = vault.ensure(name, bot.deployment.fragment or "")
        steps.append(_secret_step(bot, name, "openclaw.json fragment", written=written))
    return steps


def _secret_step(bot: BotContext, name: str, content: str, *, written: bool) -> Step:
    if written:
        bot.report(f"wrote the secret {name} ({content})")
    action = Action.CREATE if written else Action.KEEP
    return Step(name=name, description=f"secret: {content}", action=action)


def _planned_secrets(
    bot: BotContext, sign_in: SignIn, shared: tuple[Step, ...]
) -> tuple[Step, ...]:
    created = created_names(bot.names, bot.deployment, PENDING_IDENTITY.client_id)
    wanted: list[tuple[str, str | None, str]] = [
        (created.gateway_token, None, "gateway token, generated at random")
    ]
    if created.openclaw_config is not None:
        wanted.append((created.openclaw_config, bot.deployment.fragment, "openclaw.json fragment"))
    vault = next(step for step in shared if step.name == bot.shared.vault)
    readable = vault.action in {Action.KEEP, Action.CHANGE} and sign_in.operator is not None
    return tuple(
        Step(
            name=name,
            description=f"secret: {text}",
            action=_secret_action(bot, name, content) if readable else Action.CREATE,
        )
        for name, content, text in wanted
    )


def _secret_action(bot: BotContext, name: str, content: str | None) -> Action:
    try:
        state = bot.secrets(role_assigned=False).state(name, content)
    except SecretForbiddenError:
        # `up` assigns the right to read it
        return Action.CREATE
    actions = {SecretState.SAME: Action.KEEP, SecretState.OTHER: Action.CHANGE}
    return actions.get(state, Action.CREATE)


def _public_key(bot: BotContext) -> str:
    """Return the scale set's key, because generating one takes a moment."""
    keys = value_at(bot.arm.get(bot.names.scale_set_id), *KEY_PATH.split("."), "publicKeys")
    return str(keys[0].get("keyData")) if keys else bot.make_key()
