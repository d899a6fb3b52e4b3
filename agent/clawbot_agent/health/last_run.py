"""Health check of the agent's last run; during the boot's own run the bot is starting."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from clawbot_agent.core.constants import BOOT_UNIT
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.core.paths import LOCK_FILE
from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.features.gateway.health import unit_properties
from clawbot_agent.health.verdict import UNDER_WAY
from clawbot_agent.host import Host
from clawbot_agent.host.identity import identity
from clawbot_agent.host.lock import holder_of
from clawbot_agent.records.run import STATUS, Result, RunStatus, StageState

_UPTIME: Final = Path("/proc/uptime")
# from power-on to the first stage: cloud-init, the agent's own installation
_BEGIN_SECONDS: Final = 900.0
# exit status for an invalid configuration, which leaves no status.json
_INVALID: Final = "2"
_ENDED: Final = "ExecMainExitTimestampMonotonic"
_UNDER_WAY: Final = {UNDER_WAY: 1.0}
_NOT_OVER: Final = frozenset({StageState.PENDING, StageState.RUNNING})


class ConfigInvalidError(ClawbotError):
    """The agent does not accept its configuration, so the boot's run ended at once."""

    code = "CONFIG_INVALID"
    cause = FailureCause.OPERATOR
    hint = "run 'clawbot-agent config check /etc/clawbot/config.yaml' for the problems in it"


class LastRunCheck:
    """Remembers the last run of this boot that ended: after it, a run is no new start."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._over: Finding | None = None

    def __call__(self, host: Host) -> Finding:
        """Read status.json."""
        boot = identity(host.files).boot_id
        status = STATUS.load(host.files)
        if status is None or status.boot_id != boot:
            return self._over or self._none_yet(host)
        found = self._judged(host, status)
        return found if found.run is not None else replace(found, run=status)

    def _judged(self, host: Host, status: RunStatus) -> Finding:
        if status.result is Result.RUNNING:
            return self._running(host, status)
        self._over = _ended(status)
        return self._over

    def _none_yet(self, host: Host) -> Finding:
        if holder_of(LOCK_FILE) is not None:
            return Finding(ComponentState.STARTING, "the boot's run begins")
        if _config_is_invalid(host):
            why = f"the configuration is invalid: {ConfigInvalidError.hint}"
            return Finding(ComponentState.FAILED, why, errors=(ConfigInvalidError.ref(),))
        up = float((host.files.read_text(_UPTIME) or "0").split()[0])
        if up < _BEGIN_SECONDS:
            return Finding(ComponentState.STARTING, f"no run yet, {age_text(up)} after the boot")
        return Finding(ComponentState.WARNING, f"no run since the boot {age_text(up)} ago")

    def _running(self, host: Host, status: RunStatus) -> Finding:
        if holder_of(LOCK_FILE) is None:
            # it may have ended between the two reads
            status = STATUS.load(host.files) or status
            if status.result is Result.RUNNING:
                return Finding(ComponentState.WARNING, f"interrupted: {_progress(status)}")
            self._over = _ended(status)
            return replace(self._over, run=status)
        if self._over is not None:
            return replace(self._over, figures=_UNDER_WAY)
        if _ran_before(host):
            return Finding(ComponentState.OK, "a run is under way", _UNDER_WAY)
        return Finding(ComponentState.STARTING, _progress(status))


def _ran_before(host: Host) -> bool:
    """Whether systemd saw the boot's run end, which a restarted sidecar did not."""
    return _has_ended(unit_properties(host, BOOT_UNIT, _ENDED))


def _config_is_invalid(host: Host) -> bool:
    """Whether systemd saw the boot's run end so; False while systemd does not answer."""
    try:
        found = unit_properties(host, BOOT_UNIT, _ENDED, "ExecMainStatus")
    except ClawbotError:
        return False
    return _has_ended(found) and found.get("ExecMainStatus") == _INVALID


def _has_ended(unit: Mapping[str, str]) -> bool:
    return unit.get(_ENDED, "0") not in {"", "0"}


def _progress(status: RunStatus) -> str:
    over = sum(stage.state not in _NOT_OVER for stage in status.stages)
    now = [stage.name for stage in status.stages if stage.state is StageState.RUNNING]
    at = f", now {', '.join(now)}" if now else ""
    return f"{over} of {len(status.stages)} stages of the boot's run are done{at}"


def _ended(status: RunStatus) -> Finding:
    when = "" if status.finished is None else status.finished.isoformat(timespec="seconds")
    if status.result is Result.CONVERGED:
        return Finding(ComponentState.OK, f"converged at {when}")
    failed = [(stage, stage.error) for stage in status.stages if stage.error is not None]
    causes = "; ".join(f"{stage.name} {error.code}" for stage, error in failed)
    reason = f"{status.result} at {when}: {causes or 'no stage reports an error'}"
    if status.result is not Result.FAILED:
        return Finding(ComponentState.WARNING, reason)
    errors = (error.ref for stage, error in failed if stage.state is StageState.FAILED)
    return Finding(ComponentState.FAILED, reason, errors=tuple(dict.fromkeys(errors)))
