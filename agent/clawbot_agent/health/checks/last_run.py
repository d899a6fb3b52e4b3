"""The agent's last run on this boot; while the boot's own run is under way, the bot starts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from clawbot_agent.core.constants import BOOT_UNIT
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.core.paths import LOCK_FILE, STATUS_FILE
from clawbot_agent.health.checks.unit import unit_properties
from clawbot_agent.health.finding import Finding, State, age_text
from clawbot_agent.host import Host
from clawbot_agent.host.identity import identity
from clawbot_agent.host.lock import holder_of
from clawbot_agent.records.status import error_ref
from clawbot_agent.report.status_file import read_status

__all__ = ["UNDER_WAY", "ConfigRefusedError", "LastRun"]

_UPTIME: Final = Path("/proc/uptime")
# from power-on to the first stage: cloud-init, the agent's own installation
_BEGIN_SECONDS: Final = 900.0
# what the agent ends with, before it has a status to write, when its configuration is refused
_REFUSED: Final = "2"
_ENDED: Final = "ExecMainExitTimestampMonotonic"
UNDER_WAY: Final = "under_way"
"""Figure of a finding: 1 while a run works that is not the boot's."""
_UNDER_WAY: Final = {UNDER_WAY: 1.0}
_DONE: Final = frozenset({"unchanged", "changed", "skipped", "degraded", "failed"})
"""States of a stage that is over."""


class ConfigRefusedError(ClawbotError):
    """The boot's run ended at once: its configuration makes no sense to this agent."""

    code = "CONFIG_INVALID"
    cause = FailureCause.OPERATOR
    hint = "'clawbot-agent config check /etc/clawbot/config.yaml' says what is wrong in it"


class LastRun:
    """Remembers that a run of this boot is over: from then on, a run is only a look."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._over: Finding | None = None

    def __call__(self, host: Host) -> Finding:
        """Read status.json."""
        boot = identity(host.files).boot_id
        document = read_status(STATUS_FILE, host.files)
        if document is None or document.get("boot_id") != boot:
            return self._over or self._none_yet(host)
        found = self._judged(host, document)
        return found if found.story is not None else replace(found, story=document)

    def _judged(self, host: Host, document: dict[str, Any]) -> Finding:
        if document["result"] == "running":
            return self._running(host, document)
        self._over = _ended(document)
        return self._over

    def _none_yet(self, host: Host) -> Finding:
        if holder_of(LOCK_FILE) is not None:
            return Finding(State.STARTING, "the boot's run begins")
        if _config_refused(host):
            why = f"the configuration was refused: {ConfigRefusedError.hint}"
            return Finding(State.FAILED, why, errors=(ConfigRefusedError.ref(),))
        up = float((host.files.read_text(_UPTIME) or "0").split()[0])
        if up < _BEGIN_SECONDS:
            return Finding(State.STARTING, f"no run yet, {age_text(up)} after the boot")
        return Finding(State.WARNING, f"no run since the boot {age_text(up)} ago")

    def _running(self, host: Host, document: dict[str, Any]) -> Finding:
        if holder_of(LOCK_FILE) is None:
            # it may have ended between the two looks
            document = read_status(STATUS_FILE, host.files) or document
            if document["result"] == "running":
                return Finding(State.WARNING, f"was cut off: {_progress(document)}")
            self._over = _ended(document)
            return replace(self._over, story=document)
        if self._over is not None:
            return replace(self._over, figures=_UNDER_WAY)
        if _ran_before(host):
            return Finding(State.OK, "a run looks whether all is well", _UNDER_WAY)
        return Finding(State.STARTING, _progress(document))


def _ran_before(host: Host) -> bool:
    """Whether systemd saw the boot's run end; it forgets with the boot, and we with a restart."""
    return _has_ended(unit_properties(host, BOOT_UNIT, _ENDED))


def _config_refused(host: Host) -> bool:
    """Whether systemd saw the boot's run end so; while it does not answer, nobody knows that."""
    try:
        found = unit_properties(host, BOOT_UNIT, _ENDED, "ExecMainStatus")
    except ClawbotError:
        return False
    return _has_ended(found) and found.get("ExecMainStatus") == _REFUSED


def _has_ended(unit: Mapping[str, str]) -> bool:
    return unit.get(_ENDED, "0") not in {"", "0"}


def _progress(document: dict[str, Any]) -> str:
    stages = document["stages"]
    over = sum(stage["state"] in _DONE for stage in stages)
    now = [stage["name"] for stage in stages if stage["state"] == "running"]
    at = f", now {', '.join(now)}" if now else ""
    return f"{over} of {len(stages)} stages of the boot's run are done{at}"


def _ended(document: dict[str, Any]) -> Finding:
    result, when = document["result"], document["finished"]
    if result == "converged":
        return Finding(State.OK, f"converged at {when}")
    odd = [_told(stage) for stage in document["stages"] if stage["error"] is not None]
    reason = f"{result} at {when}: {'; '.join(odd) or 'no stage says why'}"
    if result != "failed":
        return Finding(State.WARNING, reason)
    failed = [stage for stage in document["stages"] if stage["state"] == "failed"]
    errors = (error_ref(stage["error"]) for stage in failed if stage["error"] is not None)
    return Finding(State.FAILED, reason, errors=tuple(dict.fromkeys(errors)))


def _told(stage: dict[str, Any]) -> str:
    return f"{stage['name']} {stage['error']['code']}"
