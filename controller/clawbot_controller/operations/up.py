"""`up`: make what is missing, change what is different, and leave the rest alone."""

from clawbot_controller.deployment.names import Place
from clawbot_controller.model import bot
from clawbot_controller.model.resource import Resource
from clawbot_controller.model.scale_set import KEY_PATH
from clawbot_controller.operations.desired import own_resources, principal_of, shared_resources
from clawbot_controller.operations.edits import check_edits
from clawbot_controller.operations.fleet import OncePerKey
from clawbot_controller.operations.ownership import check_own, check_shared
from clawbot_controller.operations.power import powered
from clawbot_controller.operations.preflight import Ground, preflight
from clawbot_controller.operations.rights import check_rights
from clawbot_controller.operations.site import Site
from clawbot_controller.operations.steps import Action, Step, ensure

__all__ = ["up"]


def up(site: Site, shared: OncePerKey[Place, tuple[Step, ...]]) -> tuple[Step, ...]:
    """Make one bot; what was done.

    Every step looks first, so that a second `up` writes nothing, and one that was cut off goes on
    where it was.

    Args:
        site: the bot.
        shared: what bots share is made by the first of them.

    Raises:
        AzureError: see its subclasses.
    """
    ground = preflight(site)
    check_edits(site, check_own(site))
    check_rights(site)
    done = list(shared.get(site.names.place, lambda: _shared(site, ground)))
    region = site.deployment.target.region
    identity = bot.identity(site.names, region).tagged(bot.tags(site.deployment))
    step, found = ensure(site.arm, identity, site.tell)
    done.append(step)
    principal = principal_of(found)
    done += _secrets(site, ground, principal.client_id)
    key = _public_key(site)
    wanted = own_resources(site.names, site.deployment, principal, key)
    done += [_ensured(site, resource) for resource in wanted]
    if done[-1].action is Action.CHANGE and site.deployment.target.orchestration == "flexible":
        site.tell("'reimage' gives the instance new custom data, 'stop --to-zero' and 'start' all")
    return (*done, *powered(site))


def _shared(site: Site, ground: Ground) -> tuple[Step, ...]:
    region = site.deployment.target.region
    check_shared(site)
    wanted = shared_resources(site.shared, region, tenant=ground.tenant, operator=ground.operator)
    return tuple(_ensured(site, resource) for resource in wanted)


def _ensured(site: Site, resource: Resource) -> Step:
    return ensure(site.arm, resource, site.tell)[0]


def _secrets(site: Site, ground: Ground, client_id: str) -> list[Step]:
    vault = site.secrets(role_assigned=ground.operator is not None)
    created = bot.created(site.names, site.deployment, client_id)
    made = vault.ensure_token(created.gateway_token)
    steps = [_step(site, created.gateway_token, "gateway token", written=made)]
    if created.openclaw_config is not None:
        changed = vault.ensure(created.openclaw_config, site.deployment.fragment or "")
        says = "openclaw.json fragment"
        steps.append(_step(site, created.openclaw_config, says, written=changed))
    return steps


def _step(site: Site, name: str, what: str, *, written: bool) -> Step:
    if written:
        site.tell(f"wrote the secret {name} ({what})")
    action = Action.CREATE if written else Action.KEEP
    return Step(name=name, says=f"secret: {what}", action=action)


def _public_key(site: Site) -> str:
    """The key that the scale set has already; making one takes a moment."""
    found = site.arm.get(site.names.scale_set_id)
    if found is None:
        return site.make_key()
    part: object = found
    for name in (*KEY_PATH.split("."), "publicKeys"):
        part = part.get(name) if isinstance(part, dict) else None
    keys = part if isinstance(part, list) else []
    return str(keys[0].get("keyData")) if keys else site.make_key()
