"""`status` and `endpoint`: how a bot is, as Azure and the bot itself say."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from clawbot_controller.azure.arm import Found
from clawbot_controller.azure.instances import Instance
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.operations.power import code_of, power_of, repairs_suspended
from clawbot_controller.operations.site import Site

__all__ = ["InstanceStatus", "Status", "addresses_of", "endpoints", "status_of"]

_METRICS: Final = "CustomMetrics"
_SERVING: Final = "serving"
_SUSPENDED: Final = "replacement-suspended"
# the version that Azure documents for the addresses of a uniform set
_ADDRESSES_API: Final = "2018-10-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """One instance.

    Attributes:
        power: "running", "deallocated", …; None when Azure does not tell.
        health: "healthy", "unhealthy", "initializing", "unknown"; None without a report.
        progress: what the agent reports, by its own names.
        latest_model: whether it was made from the present model.
    """

    name: str
    power: str | None
    health: str | None
    progress: dict[str, Any]
    latest_model: bool

    @property
    def serves(self) -> bool:
        """Whether it is healthy by its own word too.

        Azure hears "healthy" also of an instance whose replacement would not help (ADR 9).
        """
        return self.health == "healthy" and self.progress.get("situation", _SERVING) == _SERVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One bot.

    Attributes:
        state: provisioning state of the scale set; None when there is none.
        repairs_suspended: Azure does not repair the instances for the time being.
    """

    bot: str
    state: str | None
    capacity: int
    repairs_suspended: bool
    instances: tuple[InstanceStatus, ...]
    addresses: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether the bot serves, as far as Azure can tell."""
        return bool(self.instances) and all(one.serves for one in self.instances)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """As an operator reads it."""
        if self.state is None:
            yield "not deployed"
            return
        yield f"scale set {self.state}, {len(self.instances)} of {self.capacity} instances"
        for one in self.instances:
            model = "" if one.latest_model else ", older model ('reimage' renews it)"
            health = one.health or "no health report"
            yield f"instance {one.name}: {one.power or 'power unknown'}, {health}{model}"
            said = {key: value for key, value in one.progress.items() if value not in {"", None}}
            if said:
                yield "agent: " + ", ".join(f"{key} {value}" for key, value in said.items())
            if one.progress.get("situation") == _SUSPENDED:
                yield "it does not serve, and a new instance would not either"
        if self.repairs_suspended:
            yield "automatic repairs are suspended ('start' or 'up' resumes them)"
        for address in self.addresses:
            yield f"address {address}"


def status_of(site: Site) -> Status:
    """How a bot is; no scale set is an answer too.

    Raises:
        AzureError: see its subclasses.
    """
    found = site.arm.get(site.names.scale_set_id)
    if found is None:
        return Status(
            bot=site.deployment.name,
            state=None,
            capacity=0,
            repairs_suspended=False,
            instances=(),
            addresses=(),
        )
    properties = found.get("properties") or {}
    flexible = properties.get("orchestrationMode") == "Flexible"
    doors = site.instances(flexible=flexible)
    everyone = doors.all()
    return Status(
        bot=site.deployment.name,
        state=properties.get("provisioningState"),
        capacity=int((found.get("sku") or {}).get("capacity") or 0),
        repairs_suspended=repairs_suspended(site),
        instances=tuple(_instance(one, doors.view(one)) for one in everyone),
        addresses=addresses_of(site, everyone, flexible=flexible),
    )


def endpoints(site: Site) -> tuple[str, ...]:
    """Addresses (URLs) under which the bot is to be reached.

    Raises:
        NotDeployedError: there is none.
    """
    found = status_of(site)
    domain = site.deployment.config.caddy.domain
    if not found.addresses:
        msg = f"{site.deployment.name} has no public address"
        raise NotDeployedError(msg, hint="run 'up' or 'start' first")
    if domain is not None:
        # certificates are for the name; the address is what the name has to lead to
        records = (_record(domain, one) for one in found.addresses)
        return (f"https://{domain}", *records)
    return tuple(f"http://{one}" for one in found.addresses)


def _record(domain: str, target: str) -> str:
    """What the domain's DNS needs for one address or name of the bot."""
    kind = "CNAME" if target[-1].isalpha() else "A"
    return f"{domain} {kind} {target}"


def addresses_of(site: Site, instances: tuple[Instance, ...], *, flexible: bool) -> tuple[str, ...]:
    """Public addresses and names of a bot's instances."""
    found = _flexible(site, instances) if flexible else _uniform(site)
    return tuple(dict.fromkeys(told for one in found for told in _told(one)))


def _uniform(site: Site) -> Iterator[Found]:
    path = f"{site.names.scale_set_id}/publicipaddresses"
    return site.arm.pages(path, **{"api-version": _ADDRESSES_API})


def _flexible(site: Site, instances: tuple[Instance, ...]) -> Iterator[Found]:
    for instance in instances:
        machine = (site.arm.get(instance.id) or {}).get("properties") or {}
        for reference in (machine.get("networkProfile") or {}).get("networkInterfaces") or ():
            interface = (site.arm.get(reference["id"]) or {}).get("properties") or {}
            for configuration in interface.get("ipConfigurations") or ():
                address = (configuration.get("properties") or {}).get("publicIPAddress")
                if address is not None:
                    yield site.arm.get(address["id"]) or {}


def _told(address: Found) -> Iterator[str]:
    properties = address.get("properties") or {}
    if properties.get("ipAddress"):
        yield str(properties["ipAddress"])
    name = (properties.get("dnsSettings") or {}).get("fqdn")
    if name:
        yield str(name)


def _instance(instance: Instance, view: Found) -> InstanceStatus:
    health = ((view.get("vmHealth") or {}).get("status") or {}).get("code") or ""
    return InstanceStatus(
        name=instance.name,
        power=power_of(view),
        health=health.rpartition("/")[2] or None,
        progress=_progress(view),
        latest_model=instance.latest_model,
    )


def _progress(view: Found) -> dict[str, Any]:
    """What the agent says through the health extension: a JSON object in a substatus's message."""
    for extension in view.get("extensions") or ():
        for one in extension.get("substatuses") or ():
            if code_of([one], f"ComponentStatus/{_METRICS}") is None:
                continue
            try:
                found = json.loads(one.get("message") or "")
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return {}
