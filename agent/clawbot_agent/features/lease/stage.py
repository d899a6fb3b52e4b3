"""The lease: at most one instance at a time has the bot's memory.

A daemon of its own holds it (`clawbot_agent.lease`); this stage starts that and waits.
"""

from dataclasses import dataclass, field
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import LEASE_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import Action
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.lease.errors import LeaseDaemonError, LeaseHeldError
from clawbot_agent.features.lease.report import LeaseReport, LeaseState, read_report
from clawbot_agent.features.lease.units import SHARE_DROP_IN, share_drop_in
from clawbot_agent.host import Host
from clawbot_agent.host.units import Unit

__all__ = ["AwaitLease", "LeaseFacts", "LeaseStage", "StartLease"]

_PATIENCE_SECONDS: Final = 300
_NOTE_SECONDS: Final = 15
_LOOK_SECONDS: Final = 1
# a daemon that has said nothing for so long does not get as far as saying something
_SILENCE_SECONDS: Final = 45
_HELD: Final = "active"
_AT_WORK: Final = frozenset({"active", "activating", "reloading"})


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """How the lease is.

    Attributes:
        unit: of the daemon; "activating" means that it waits.
        drop_in: text that names the share to it.
        report: its last one, when it is fresh.
    """

    unit: Unit
    drop_in: str | None
    report: LeaseReport | None

    @property
    def held(self) -> bool:
        """Whether this instance holds the lease, and the daemon lives to say so."""
        holding = self.report is not None and self.report.state is LeaseState.HELD
        return holding and self.unit.active == _HELD


@dataclass(frozen=True, slots=True)
class StartLease:
    """Have the daemon run with this share; it is not waited for."""

    text: str = field(repr=False)
    verb: str
    why: str

    @property
    def summary(self) -> str:
        """Verb and reason."""
        return f"{self.verb} {LEASE_UNIT} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write the drop-in, start."""
        if host.files.read_text(SHARE_DROP_IN) != self.text:
            host.files.write(SHARE_DROP_IN, self.text, mode=0o644)
            host.units.reload_definitions()
        host.units.change(self.verb, LEASE_UNIT, wait=False)


@dataclass(frozen=True, slots=True)
class AwaitLease:
    """Wait until this instance holds the lease."""

    summary: str = "wait for the lease of the bot's memory"

    def apply(self, host: Host) -> None:
        """Wait, and say for whom.

        Raises:
            LeaseHeldError: another instance has it; the daemon goes on waiting.
            LeaseDaemonError: the daemon says nothing.
        """
        start = noted = heard = host.clock.monotonic()
        while not (facts := _look(host)).held:
            now = host.clock.monotonic()
            heard = now if facts.report is not None else heard
            if now - heard >= _SILENCE_SECONDS or not facts.unit.installed:
                raise LeaseDaemonError(_silence(host, facts))
            if now - start >= _PATIENCE_SECONDS:
                raise LeaseHeldError(_waiting(facts.report))
            if now - noted >= _NOTE_SECONDS:
                noted = now
                host.note(_waiting(facts.report))
            host.limit.sleep(_LOOK_SECONDS)


class LeaseStage(Stage[LeaseFacts]):
    """This instance, and no other, has the bot's memory."""

    name = "lease"
    title = "Lease"
    phase = Phase.NODE
    needs = ("share",)
    budget = _PATIENCE_SECONDS + 60
    typical = 5
    # another instance gives it back when it likes
    repairs_rest = False

    def skip_reason(self, config: BotConfig) -> str | None:
        """A state on the instance's own disk is nobody else's."""
        local = config.state_backend == "local"
        return "the state is on the instance's own disk" if local else None

    def probe(self, host: Host, config: BotConfig) -> LeaseFacts:
        """Look at the daemon, its orders and its report; the share is not asked."""
        del config
        return _look(host)

    def plan(self, facts: LeaseFacts, config: BotConfig) -> Plan:
        """Start the daemon, wait."""
        actions = _starts(facts, share_drop_in(config))
        if actions or not facts.held:
            actions = (*actions, AwaitLease())
        generation = 0 if facts.report is None else facts.report.generation
        return Plan(f"held by this instance, generation {generation}", actions)

    def paced(self, error: ClawbotError) -> bool:
        """Never: another instance gives the lease back when it likes."""
        del error
        return False


def _starts(facts: LeaseFacts, text: str) -> tuple[Action, ...]:
    """What has the daemon run with the right share."""
    running = facts.unit.active in _AT_WORK
    if facts.drop_in != text:
        why = "not started since this boot" if facts.drop_in is None else "other paths"
        return (StartLease(text, "restart" if running else "start", why),)
    return () if running else (StartLease(text, "start", f"it is {facts.unit.active}"),)


def _look(host: Host) -> LeaseFacts:
    report = read_report(host.files)
    fresh = report is not None and report.is_fresh(host.clock.now())
    return LeaseFacts(
        unit=host.units.get(LEASE_UNIT),
        drop_in=host.files.read_text(SHARE_DROP_IN),
        report=report if fresh else None,
    )


def _waiting(report: LeaseReport | None) -> str:
    if report is None or report.waiting_for is None:
        problem = "" if report is None else report.problem
        return f"the lease is not held yet: {problem or 'the daemon is starting'}"
    other = report.waiting_for
    who = f"{other.host}, instance {other.instance_id}, there since {other.since}"
    text = f"waiting for another instance ({who}), no sign of life for {report.quiet_seconds} s"
    return f"{text}; {report.problem}" if report.problem else text


def _silence(host: Host, facts: LeaseFacts) -> str:
    if not facts.unit.installed:
        return f"{LEASE_UNIT} is not installed"
    journal = ("journalctl", "--unit", LEASE_UNIT, "--lines=5", "--no-pager", "--output=cat")
    said = " ".join(host.run(journal, timeout=15).stdout.split())
    return f"{LEASE_UNIT} is {facts.unit.active} and says nothing: {said}"
