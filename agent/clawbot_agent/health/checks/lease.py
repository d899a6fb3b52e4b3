"""The lease on the share, as its daemon tells it: also how the share is, without asking it."""

from datetime import datetime
from typing import Final

from clawbot_agent.core.errors import ErrorRef
from clawbot_agent.core.paths import LEASE_FILE
from clawbot_agent.features.lease.errors import LeaseHeldError, LeaseLostError
from clawbot_agent.features.lease.record import Holder
from clawbot_agent.features.lease.report import LeaseReport, LeaseState, read_report
from clawbot_agent.health.finding import Finding, State, age_text
from clawbot_agent.host import Host
from clawbot_agent.host.share_errors import ShareHungError

__all__ = ["Lease"]

# it beats every ten seconds; one late beat is no news
_LATE_SECONDS: Final = 25.0


class Lease:
    """Held, waited for, or lost; and whether the share takes the heartbeat."""

    def __call__(self, host: Host) -> Finding:
        """Read what the daemon wrote."""
        report = read_report(host.files)
        if report is not None:
            return _judged(report, host.clock.now())
        if host.files.stat(LEASE_FILE) is None:
            return Finding(State.ABSENT, "no lease on this instance")
        return Finding(State.UNKNOWN, f"{LEASE_FILE} is not what the lease's daemon writes")


def _judged(report: LeaseReport, now: datetime) -> Finding:
    if not report.is_fresh(now):
        silent = age_text((now - report.updated).total_seconds())
        return Finding(State.UNKNOWN, f"the lease's daemon last spoke {silent} ago")
    if report.state is LeaseState.HELD:
        return _held(report, now)
    why, errors = _lacking(report)
    problem = f"; {report.problem}" if report.problem else ""
    return Finding(State.FAILED, f"{why}{problem}", _figures(report), errors)


def _lacking(report: LeaseReport) -> tuple[str, tuple[ErrorRef, ...]]:
    """Why it is not held, and the errors behind that."""
    match report.state:
        case LeaseState.WAITING:
            quiet = f", quiet for {report.quiet_seconds} s"
            return f"waits for {_named(report.waiting_for)}{quiet}", _in_the_way(report)
        case LeaseState.LOST:
            to = f" to {_named(report.waiting_for)}" if report.waiting_for else ""
            return f"generation {report.generation} is lost{to}", (LeaseLostError.ref(),)
        case _:
            return "given back", ()


def _in_the_way(report: LeaseReport) -> tuple[ErrorRef, ...]:
    if report.waiting_for is not None:
        return (LeaseHeldError.ref(),)
    return (ShareHungError.ref(),) if report.problem else ()


def _figures(report: LeaseReport) -> dict[str, float]:
    states = {state.value: float(state is report.state) for state in LeaseState}
    return {**states, "generation": report.generation}


def _held(report: LeaseReport, now: datetime) -> Finding:
    held, figures = f"generation {report.generation} is held", _figures(report)
    if report.last_beat is None:
        return Finding(State.OK, held, figures)
    beat = max(0.0, (now - report.last_beat).total_seconds())
    figures["beat_age_seconds"] = beat
    if beat <= _LATE_SECONDS:
        return Finding(State.OK, f"{held}; the share answers", figures)
    problem = f"; {report.problem}" if report.problem else ""
    why = f"{held}, but the share has not answered for {age_text(beat)}{problem}"
    return Finding(State.WARNING, why, figures, errors=(ShareHungError.ref(),))


def _named(holder: Holder | None) -> str:
    return "its turn" if holder is None else f"{holder.host} (instance {holder.instance_id})"
