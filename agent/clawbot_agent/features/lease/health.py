"""Health check of the lease and the share, from the daemon's report; the share is not queried."""

from datetime import datetime
from typing import Final

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.engine.finding import ComponentState, Finding, age_text
from clawbot_agent.features.lease.errors import LeaseHeldError, LeaseLostError
from clawbot_agent.host import Host
from clawbot_agent.host.share_errors import ShareHungError
from clawbot_agent.records.lease import LEASE, Holder, LeaseReport, LeaseState

# heartbeats are sent every ten seconds; one late heartbeat is no news
_LATE_SECONDS: Final = 25.0


class LeaseCheck:
    """Held, waited for, or lost; and whether heartbeats reach the share."""

    def __call__(self, host: Host) -> Finding:
        """Read the daemon's report.

        Raises:
            RecordError: it is damaged.
        """
        report = LEASE.read(host.files)
        if report is None:
            return Finding(ComponentState.ABSENT, "no lease on this instance")
        return _judged(report, host.clock.now())


def _judged(report: LeaseReport, now: datetime) -> Finding:
    if not report.is_fresh(now):
        age = age_text((now - report.updated).total_seconds())
        return Finding(ComponentState.UNKNOWN, f"no report from the lease daemon for {age}")
    if report.state is LeaseState.HELD:
        return _held(report, now)
    why, errors = _lacking(report)
    problem = f"; {report.problem}" if report.problem else ""
    return Finding(ComponentState.FAILED, f"{why}{problem}", _figures(report), errors)


def _lacking(report: LeaseReport) -> tuple[str, tuple[ErrorRef, ...]]:
    """Return why the lease is not held, and the errors behind that."""
    match report.state:
        case LeaseState.WAITING:
            other = report.waiting_for
            if other is None:
                return "waiting for the lease", (ShareHungError.ref(),) if report.problem else ()
            silent = f"no heartbeat for {report.silent_seconds} s"
            return f"waiting for {_named(other)}, {silent}", (LeaseHeldError.ref(),)
        case LeaseState.LOST:
            to = f" to {_named(report.waiting_for)}" if report.waiting_for else ""
            return f"generation {report.generation} is lost{to}", (LeaseLostError.ref(),)
        case _:
            return "released", ()


def _figures(report: LeaseReport) -> dict[str, float]:
    states = {state.value: float(state is report.state) for state in LeaseState}
    return {**states, "generation": report.generation}


def _held(report: LeaseReport, now: datetime) -> Finding:
    held, figures = f"generation {report.generation} is held", _figures(report)
    if report.last_heartbeat is None:
        return Finding(ComponentState.OK, held, figures)
    age = max(0.0, (now - report.last_heartbeat).total_seconds())
    figures["heartbeat_age_seconds"] = age
    if age <= _LATE_SECONDS:
        return Finding(ComponentState.OK, f"{held}; the share answers", figures)
    problem = f"; {report.problem}" if report.problem else ""
    why = f"{held}, but the share has not answered for {age_text(age)}{problem}"
    return Finding(ComponentState.WARNING, why, figures, errors=(ShareHungError.ref(),))


def _named(holder: Holder) -> str:
    return f"{holder.host} (instance {holder.instance_id})"
