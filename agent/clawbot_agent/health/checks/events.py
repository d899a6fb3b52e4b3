"""What Azure announces to do with the instance, as its watcher tells."""

from typing import Final

from clawbot_agent.core.paths import SCHEDULED_EVENTS_FILE
from clawbot_agent.health.finding import Finding, State, age_text
from clawbot_agent.host import Host
from clawbot_agent.lifecycle.shutdown.errors import InstanceLeavingError
from clawbot_agent.lifecycle.shutdown.report import EventsReport, read_report

__all__ = ["Events"]

# it writes every ten seconds, but may wait two minutes for its very first answer
_FRESH_SECONDS: Final = 180.0
# the metadata service is updated for up to 70 s
_UNHEARD_SECONDS: Final = 300.0


class Events:
    """Terminate, Preempt, Reboot, Redeploy: announced, and how far the instance is with leaving."""

    def __call__(self, host: Host) -> Finding:
        """Read what the watcher wrote."""
        report = read_report(host.files)
        if report is not None:
            return _judged(report, host)
        if host.files.stat(SCHEDULED_EVENTS_FILE) is None:
            return Finding(State.ABSENT, "scheduled events are not watched")
        return Finding(State.UNKNOWN, f"{SCHEDULED_EVENTS_FILE} is not what the watcher writes")


def _judged(report: EventsReport, host: Host) -> Finding:
    now = host.clock.now()
    silent = (now - report.updated).total_seconds()
    if silent > _FRESH_SECONDS:
        return Finding(State.UNKNOWN, f"the watcher last spoke {age_text(silent)} ago")
    if report.leaving:
        # it does not serve because it goes: nobody has to replace it for that
        return Finding(State.WARNING, report.text, errors=(InstanceLeavingError.ref(),))
    if report.answered is None:
        return Finding(State.ABSENT, "the metadata service has never answered: not in Azure?")
    unheard = (now - report.answered).total_seconds()
    if unheard > _UNHEARD_SECONDS:
        why = f"no answer of the metadata service for {age_text(unheard)}: {report.problem}"
        return Finding(State.WARNING, why)
    return Finding(State.OK, report.text)
