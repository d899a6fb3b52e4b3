"""Stage `lease`: at most one instance at a time uses the bot data.

A daemon holds the lease (`daemon`); this stage starts the daemon and waits.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import LEASE_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.actions import Action
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.lease.errors import LeaseDaemonError, LeaseHeldError
from clawbot_agent.features.mounts.units import RUNTIME_UNITS, unit_name
from clawbot_agent.host import Host
from clawbot_agent.host.systemd import Unit
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState

# in /run: after a boot the daemon must not start before the agent has mounted the share
SHARE_DROP_IN: Final = RUNTIME_UNITS / f"{LEASE_UNIT}.d" / "share.conf"
_WAIT_SECONDS: Final = 300
_NOTE_SECONDS: Final = 15
_POLL_SECONDS: Final = 1
# a daemon that has not reported for this long is not going to
_SILENCE_SECONDS: Final = 45
_RUNNING: Final = frozenset({"active", "activating", "reloading"})


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """The state of the lease.

    Attributes:
        unit: of the daemon; "activating" means that it waits.
        drop_in: text that gives the daemon its paths.
        report: the daemon's last one, if fresh.
    """

    unit: Unit
    drop_in: str | None
    report: LeaseReport | None

    @property
    def held(self) -> bool:
        """Whether this instance holds the lease and its daemon is alive."""
        holding = self.report is not None and self.report.state is LeaseState.HELD
        return holding and self.unit.active == "active"


@dataclass(frozen=True, slots=True)
class StartLease:
    """Start the daemon with these paths, without waiting for the lease."""

    text: str = field(repr=False)
    verb: str
    why: str

    @property
    def summary(self) -> str:
        """Verb and reason."""
        return f"{self.verb} {LEASE_UNIT} ({self.why})"

    def apply(self, host: Host) -> None:
        """Write the drop-in and start the daemon."""
        if host.files.read_text(SHARE_DROP_IN) != self.text:
            host.files.write(SHARE_DROP_IN, self.text, mode=0o644)
            host.units.reload_definitions()
        host.units.change(self.verb, LEASE_UNIT, wait=False)


@dataclass(frozen=True, slots=True)
class AwaitLease:
    """Wait until this instance holds the lease."""

    summary: str = "wait for the lease"

    def apply(self, host: Host) -> None:
        """Wait, and report which instance holds the lease meanwhile.

        Raises:
            LeaseHeldError: another instance holds it; the daemon continues to wait.
            LeaseDaemonError: the daemon does not report.
        """
        start = noted = heard = host.clock.monotonic()
        while not (facts := _read(host)).held:
            now = host.clock.monotonic()
            heard = now if facts.report is not None else heard
            if now - heard >= _SILENCE_SECONDS or not facts.unit.installed:
                raise LeaseDaemonError(_silence(host, facts))
            if now - start >= _WAIT_SECONDS:
                raise LeaseHeldError(_waiting(facts.report))
            if now - noted >= _NOTE_SECONDS:
                noted = now
                host.note(_waiting(facts.report))
            host.limit.sleep(_POLL_SECONDS)


class LeaseStage(Stage[LeaseFacts]):
    """This instance, and no other, uses the bot data."""

    name = "lease"
    title = "Lease"
    phase = Phase.NODE
    needs = ("share",)
    budget = _WAIT_SECONDS + 60
    typical = 5
    # the holder decides when to release it
    repairs_back_off = False

    def skip_reason(self, config: BotConfig) -> str | None:
        """Bot data on the instance's own disk needs no lease."""
        local = config.state_backend == "local"
        return "the state is on the instance's own disk" if local else None

    def probe(self, host: Host, config: BotConfig) -> LeaseFacts:
        """Read the daemon's unit, drop-in and report; the share is not touched."""
        del config
        return _read(host)

    def plan(self, facts: LeaseFacts, config: BotConfig) -> Plan:
        """Start the daemon, wait."""
        actions = _starts(facts, share_drop_in(config))
        if actions or not facts.held:
            actions = (*actions, AwaitLease())
        generation = 0 if facts.report is None else facts.report.generation
        return Plan(f"held by this instance, generation {generation}", actions)

    def backs_off(self, error: ClawbotError) -> bool:
        """Never back off: the holder decides when to release the lease."""
        del error
        return False


def share_drop_in(config: BotConfig) -> str:
    """Return the drop-in that ties the daemon to its share and gives it its paths."""
    share, state = _escaped(config.share.path), _escaped(config.state.path)
    lines = ["[Unit]", f"RequiresMountsFor={share}"]
    if config.share.azure_files is not None:
        mount = _escaped(unit_name(Path(config.share.path)))
        # without the mount the daemon would find an empty directory on the local disk
        lines += [f"BindsTo={mount}", f"After={mount}", f"AssertPathIsMountPoint={share}"]
    environment = f'Environment="CLAWBOT_SHARE={share}" "CLAWBOT_STATE={state}"'
    return "\n".join((*lines, "", "[Service]", environment, ""))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _starts(facts: LeaseFacts, text: str) -> tuple[Action, ...]:
    """Return what starts the daemon with the configured share."""
    running = facts.unit.active in _RUNNING
    if facts.drop_in != text:
        why = "not started since this boot" if facts.drop_in is None else "paths changed"
        return (StartLease(text, "restart" if running else "start", why),)
    return () if running else (StartLease(text, "start", f"it is {facts.unit.active}"),)


def _read(host: Host) -> LeaseFacts:
    report = LEASE.load(host.files)
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
    holder = f"{other.host}, instance {other.instance_id}, since {other.since}"
    text = f"waiting for another instance ({holder}), no heartbeat for {report.silent_seconds} s"
    return f"{text}; {report.problem}" if report.problem else text


def _silence(host: Host, facts: LeaseFacts) -> str:
    if not facts.unit.installed:
        return f"{LEASE_UNIT}: not installed"
    journal = ("journalctl", "--unit", LEASE_UNIT, "--lines=5", "--no-pager", "--output=cat")
    log = " ".join(host.run(journal, timeout=15).stdout.split())
    return f"{LEASE_UNIT}: {facts.unit.active}, no report: {log}"
