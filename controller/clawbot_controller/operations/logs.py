"""`logs`: what the agent or the serial console says, without a login."""

from typing import Final, Literal

import requests

from clawbot_controller.azure.errors import AzureUnreachableError
from clawbot_controller.azure.instances import Instance, Instances
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.operations.power import STOPPED, power_of
from clawbot_controller.operations.site import Site

__all__ = ["Source", "logs_of"]

Source = Literal["status", "agent", "gateway", "caddy", "docker", "console"]
_SECONDS: Final = 60
# Run Command passes on the last 4,096 bytes
_LINES: Final = 40


def logs_of(site: Site, source: Source) -> str:
    """The end of a log of the bot's instance.

    Raises:
        NotDeployedError: there is no instance, or it is stopped.
        AzureError: see its subclasses.
    """
    found = site.arm.get(site.names.scale_set_id) or {}
    mode = (found.get("properties") or {}).get("orchestrationMode")
    doors = site.instances(flexible=mode == "Flexible")
    everyone = doors.all() if found else ()
    if not everyone:
        msg = f"{site.deployment.name} has no instance"
        raise NotDeployedError(msg)
    return "\n".join(_one(site, doors, instance, source) for instance in everyone)


def _one(site: Site, doors: Instances, instance: Instance, source: Source) -> str:
    if source == "console":
        return _console(site, doors.console_url(instance))
    command = "status --compact" if source == "status" else f"logs {source} --lines {_LINES}"
    if power_of(doors.view(instance)) in STOPPED:
        msg = f"instance {instance.name} of {site.deployment.name} is stopped and says nothing"
        raise NotDeployedError(msg, hint="run 'start' first; 'logs --console' has its last words")
    return doors.run(instance, (f"/usr/local/bin/clawbot-agent {command}",))


def _console(site: Site, url: str | None) -> str:
    if url is None:
        msg = f"{site.deployment.name} has no console log yet"
        raise NotDeployedError(msg, hint="wait until the instance has started")
    try:
        answer = requests.get(url, timeout=_SECONDS, verify=site.cloud.verify)
        answer.raise_for_status()
    except requests.RequestException as error:
        # the signed address opens the log to whoever reads it: it is told to nobody
        msg = f"fetch the console log: {type(error).__name__}"
        raise AzureUnreachableError(msg) from None
    return answer.text
