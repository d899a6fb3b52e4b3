"""At the end of a run: remember how it failed, say whether another instance would help."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError, DeadlineExceededError
from clawbot_agent.core.paths import REPAIR_FILE
from clawbot_agent.engine.backoff import RepairPausedError
from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.features.lease.report import LeaseState, read_report
from clawbot_agent.features.mounts.table import mount_of
from clawbot_agent.host import Host
from clawbot_agent.host.identity import disk_id
from clawbot_agent.lifecycle.replacement.failures import Failure, Failures
from clawbot_agent.lifecycle.replacement.verdict import Verdict
from clawbot_agent.records.status import Result, RunStatus, StageStatus, State

__all__ = ["MakeEvidence", "RepairSense", "evidence_file", "failures_file"]

MakeEvidence = Callable[[Host], Path]
"""Collects what tells how this instance failed; the path of the bundle, on the local disk."""

_DIRECTORY: Final = "repair"
# the run's own time may be used up; a share that hangs costs one of these
_SECONDS: Final = 60.0
_EVIDENCE_SECONDS: Final = 180.0
_COPY_SECONDS: Final = 60.0
# an instance that fails every few minutes does not write to the share every few minutes
_FRESH: Final = timedelta(hours=1)
# another instance is the bot: this one's failure says nothing about the bot
_OF_ANOTHER: Final = frozenset({"LEASE_HELD", "LEASE_LOST"})
_ELSEWHERE: Final = frozenset({LeaseState.WAITING, LeaseState.LOST})


def failures_file(config: BotConfig) -> Path:
    """Where the share remembers how instances failed."""
    return Path(config.share.path) / _DIRECTORY / "failures.json"


def evidence_file(config: BotConfig) -> Path:
    """Where the share keeps the bundle of the instance that asked for no further one."""
    return Path(config.share.path) / _DIRECTORY / "evidence.tar.zst"


@dataclass(slots=True)
class RepairSense:
    """Follows a run of all stages and does its work when that ends.

    It comes before the other observers: when status.json says that the run has failed, the
    verdict on it is there already.

    Attributes:
        others: are told what was found.
        make_evidence: called once, when another instance would fail as this one did.
    """

    host: Host
    config: BotConfig
    others: Sequence[Observer]
    make_evidence: MakeEvidence | None = None
    _waited_for: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Take note of an event."""
        if event.kind is Kind.STAGE_WAITING and event.stage is not None:
            self._waited_for[event.stage] = str(event.data.get("code", ""))
        if event.kind is not Kind.RUN_FINISHED or status.result is Result.INTERRUPTED:
            return
        host = self.host.beyond(_SECONDS, label="remembering how the run ended")
        try:
            if status.result is Result.FAILED:
                self._remember(host, status)
            else:
                self._forget(host, status)
        except Exception as error:  # noqa: BLE001 - how the run ended must be told all the same
            text = f"how the run ended is not remembered: {_said(error)}"
            self._tell(Kind.FAILURE_REMEMBERED, status, text)

    def _remember(self, host: Host, status: RunStatus) -> None:
        if _another_is_the_bot(host, status):
            return
        mine, before = self._failure(host, status), Verdict.read(host.files)
        verdict = self._verdict(host, mine, before)
        if verdict != before:
            host.files.write(REPAIR_FILE, verdict.text(), mode=0o644)
        kind = Kind.FAILURE_REPEATED if verdict.hold else Kind.FAILURE_REMEMBERED
        self._tell(kind, status, verdict.reason, code=verdict.code)
        if verdict.hold and not (before is not None and before.holds_for(mine.code)):
            self._keep_evidence(status)

    def _failure(self, host: Host, status: RunStatus) -> Failure:
        failed = next(s for s in status.stages if s.state is State.FAILED)
        now = host.clock.now()
        return Failure(
            instance_id=status.instance_id,
            disk_id=disk_id(host.files),
            code=self._code(failed),
            stage=failed.name,
            first=now,
            last=now,
        )

    def _code(self, failed: StageStatus) -> str:
        code = "" if failed.error is None else failed.error.code
        # that time ran out is not why
        waited_for = self._waited_for.get(failed.name)
        return waited_for if waited_for and code == DeadlineExceededError.code else code

    def _verdict(self, host: Host, mine: Failure, before: Verdict | None) -> Verdict:
        try:
            if self._share_is_there(host):
                noted = self._noted(host, mine)
                # that the others are long ago makes another instance no better
                if before is not None and before.holds_for(mine.code):
                    return before
                return Verdict.of(noted, mine, self.config.repair)
            why = "the share is not mounted"
        except ClawbotError as error:
            why = error.message
        # what was known when the share could be asked still holds
        if before is not None and before.holds_for(mine.code):
            return before
        return Verdict.unremembered(mine, self.config.repair, why=why)

    def _noted(self, host: Host, mine: Failure) -> Failures:
        """All failures, this one on the share."""
        path = failures_file(self.config)
        before = Failures.parsed(host.files.read_text(path))
        if before.has(mine, not_older_than=_FRESH):
            return before
        after = before.having(mine)
        host.files.write(path, after.text(), mode=0o600)
        return after

    def _forget(self, host: Host, status: RunStatus) -> None:
        known = Verdict.read(host.files) is not None
        if known:
            host.files.remove(REPAIR_FILE)
        path = failures_file(self.config)
        if self._share_is_there(host) and (text := host.files.read_text(path)) is not None:
            known = self._keep_paused(host, path, text) or known
        if known:
            text = "the run succeeded: what failed before does not count any more"
            self._tell(Kind.FAILURES_FORGOTTEN, status, text)

    def _keep_paused(self, host: Host, path: Path, text: str) -> bool:
        """Forget all but those that came well and broke again and again; whether that is less.

        Each of these succeeded, and so will the next, before it breaks as well.
        """
        before = Failures.parsed(text)
        after = before.only(RepairPausedError.code)
        if after.known and after == before:
            return False
        if after.known:
            host.files.write(path, after.text(), mode=0o600)
        else:
            host.files.remove(path)
        return True

    def _share_is_there(self, host: Host) -> bool:
        """Whether what lies at the share's path is the share."""
        if self.config.share.azure_files is None:
            return True
        path = Path(self.config.share.path)
        mount = mount_of(path, host.files)
        return mount is not None and mount.point == path

    def _keep_evidence(self, status: RunStatus) -> None:
        if self.make_evidence is None:
            return
        host = self.host.beyond(_EVIDENCE_SECONDS, label="collecting evidence")
        target = evidence_file(self.config)
        part = target.with_name(f".{target.name}")
        try:
            bundle = self.make_evidence(host)
            host.run(("cp", "--", str(bundle), str(part)), timeout=_COPY_SECONDS).require()
            host.files.rename(part, target)
            text = f"evidence is kept on the share: {target}"
        except Exception as error:  # noqa: BLE001 - as above
            text = f"evidence is not kept on the share: {_said(error)}"
        self._tell(Kind.FAILURE_REPEATED, status, text)

    def _tell(self, kind: Kind, status: RunStatus, text: str, **data: str) -> None:
        clean = self.host.redactor.scrub(text)
        event = Event(kind, self.host.clock.now(), None, {"text": clean, **data})
        for observer in self.others:
            with contextlib.suppress(OSError):
                observer(event, status)


def _said(error: Exception) -> str:
    if isinstance(error, ClawbotError):
        return error.message
    return f"{type(error).__name__}: {error}"


def _another_is_the_bot(host: Host, status: RunStatus) -> bool:
    """Whether this instance waits for the lease, or has lost it."""
    codes = {stage.error.code for stage in status.stages if stage.error is not None}
    report = read_report(host.files)
    elsewhere = (
        report is not None and report.is_fresh(host.clock.now()) and report.state in _ELSEWHERE
    )
    return bool(codes & _OF_ANOTHER) or elsewhere
