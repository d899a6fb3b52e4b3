"""`status`, `endpoint` and `logs`: what Azure and the agent report about a bot."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import requests

from clawbot_controller.azure.errors import AzureUnreachableError
from clawbot_controller.azure.instances import Instance, Instances
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.model.resource import Found, value_at
from clawbot_controller.operations.context import BotContext
from clawbot_controller.operations.power import (
    STOPPED,
    capacity_of,
    code_of,
    power_of,
    repairs_suspended,
)

LogSource = Literal["status", "agent", "gateway", "caddy", "docker", "console"]
_METRICS: Final = "CustomMetrics"
_SERVING: Final = "serving"
_SUSPENDED: Final = "replacement-suspended"
# the version that Azure documents for the addresses of a uniform set
_ADDRESSES_API: Final = "2018-10-01"
_CONSOLE_SECONDS: Final = 60
# Run Command returns the last 4,096 bytes
_LOG_LINES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """Status of one instance.

    Attributes:
        power: "running", "deallocated", …; None if unknown.
        health: "healthy", "unhealthy", "initializing", "unknown"; None without a report.
        progress: the agent's report, with the agent's keys.
        latest_model: whether the instance has the current model.
    """

    name: str
    power: str | None
    health: str | None
    progress: dict[str, Any]
    latest_model: bool

    @property
    def serves(self) -> bool:
        """Whether it is healthy, and not only because a replacement would not help (ADR 9)."""
        return self.health == "healthy" and self.progress.get("situation", _SERVING) == _SERVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Status of one bot.

    Attributes:
        state: provisioning state of the scale set; None if there is none.
        repairs_suspended: automatic repairs are suspended.
    """

    bot: str
    state: str | None = None
    capacity: int = 0
    repairs_suspended: bool = False
    instances: tuple[InstanceStatus, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether the bot serves, according to Azure and the agent."""
        return bool(self.instances) and all(one.serves for one in self.instances)

    def lines(self) -> Iterator[str]:
        """Return lines for the operator."""
        if self.state is None:
            yield "not deployed"
            return
        yield f"scale set {self.state}, {len(self.instances)} of {self.capacity} instances"
        for one in self.instances:
            model = "" if one.latest_model else ", outdated model ('reimage' updates it)"
            health = one.health or "no health report"
            yield f"instance {one.name}: {one.power or 'power unknown'}, {health}{model}"
            known = {key: value for key, value in one.progress.items() if value not in {"", None}}
            if known:
                yield "agent: " + ", ".join(f"{key} {value}" for key, value in known.items())
            if one.progress.get("situation") == _SUSPENDED:
                yield "replacement suspended: a new instance would fail in the same way"
        if self.repairs_suspended:
            yield "automatic repairs are suspended ('start' or 'up' resumes them)"
        for address in self.addresses:
            yield f"address {address}"


def status_of(bot: BotContext) -> Status:
    """Return the status of a bot, also of one that is not deployed."""
    found = bot.arm.get(bot.names.scale_set_id)
    if found is None:
        return Status(bot=bot.deployment.name)
    instances = bot.instances(found)
    existing = instances.all()
    return Status(
        bot=bot.deployment.name,
        state=value_at(found, "properties", "provisioningState"),
        capacity=capacity_of(found),
        repairs_suspended=repairs_suspended(bot),
        instances=tuple(_instance_status(one, instances.view(one)) for one in existing),
        addresses=_addresses(bot, existing, flexible=instances.flexible),
    )


def endpoints(bot: BotContext) -> tuple[str, ...]:
    """Return the bot's URLs, or the URL of its domain and the DNS records that it needs.

    Raises:
        NotDeployedError: the bot has no address.
    """
    addresses = status_of(bot).addresses
    domain = bot.deployment.config.caddy.domain
    if not addresses:
        msg = f"{bot.deployment.name}: no public address"
        hint = "run 'clawbot-controller up' or 'clawbot-controller start' first"
        raise NotDeployedError(msg, hint=hint)
    if domain is None:
        return tuple(f"http://{one}" for one in addresses)
    # names of Azure end in a letter, IP addresses do not
    kinds = {one: "CNAME" if one[-1].isalpha() else "A" for one in addresses}
    return (f"https://{domain}", *(f"{domain} {kind} {one}" for one, kind in kinds.items()))


def logs_of(bot: BotContext, source: LogSource) -> str:
    """Return the end of a log of the bot's instance.

    Raises:
        NotDeployedError: there is no instance, or it is stopped.
    """
    found = bot.arm.get(bot.names.scale_set_id)
    instances = bot.instances(found or {})
    existing = instances.all() if found else ()
    if not existing:
        msg = f"{bot.deployment.name}: no instance"
        raise NotDeployedError(msg)
    return "\n".join(_log(bot, instances, one, source) for one in existing)


def _log(bot: BotContext, instances: Instances, instance: Instance, source: LogSource) -> str:
    if source == "console":
        return _console(bot, instances.console_url(instance))
    if power_of(instances.view(instance)) in STOPPED:
        msg = f"instance {instance.name} of {bot.deployment.name} is stopped"
        hint = "run 'clawbot-controller start' first, or use 'logs --console'"
        raise NotDeployedError(msg, hint=hint)
    command = "status --compact" if source == "status" else f"logs {source} --lines {_LOG_LINES}"
    return instances.run(instance, (f"/usr/local/bin/clawbot-agent {command}",))


def _console(bot: BotContext, url: str | None) -> str:
    if url is None:
        msg = f"{bot.deployment.name}: no console log yet"
        raise NotDeployedError(msg, hint="wait until the instance has started")
    try:
        answer = requests.get(url, timeout=_CONSOLE_SECONDS, verify=bot.cloud.verify)
        answer.raise_for_status()
    except requests.RequestException as error:
        # without the error's text, which contains the signed URL, a secret
        msg = f"fetch the console log: {type(error).__name__}"
        raise AzureUnreachableError(msg) from None
    return answer.text


def _addresses(
    bot: BotContext, instances: tuple[Instance, ...], *, flexible: bool
) -> tuple[str, ...]:
    query = {"api-version": _ADDRESSES_API}
    uniform = bot.arm.pages(f"{bot.names.scale_set_id}/publicipaddresses", **query)
    found = _flexible_addresses(bot, instances) if flexible else uniform
    texts = (
        str(text)
        for one in found
        for path in (("ipAddress",), ("dnsSettings", "fqdn"))
        if (text := value_at(one, "properties", *path))
    )
    return tuple(dict.fromkeys(texts))


def _flexible_addresses(bot: BotContext, instances: tuple[Instance, ...]) -> Iterator[Found]:
    for instance in instances:
        machine = bot.arm.get(instance.id)
        for nic in value_at(machine, "properties", "networkProfile", "networkInterfaces") or ():
            interface = bot.arm.get(nic["id"])
            for ip in value_at(interface, "properties", "ipConfigurations") or ():
                address = value_at(ip, "properties", "publicIPAddress")
                if address is not None:
                    yield bot.arm.get(address["id"]) or {}


def _instance_status(instance: Instance, view: Found) -> InstanceStatus:
    health = value_at(view, "vmHealth", "status", "code") or ""
    return InstanceStatus(
        name=instance.name,
        power=power_of(view),
        health=health.rpartition("/")[2] or None,
        progress=_progress(view),
        latest_model=instance.latest_model,
    )


def _progress(view: Found) -> dict[str, Any]:
    """Return the agent's report: a JSON object in a substatus of the health extension."""
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
