"""Replacement of an instance: record failures on the share, suspend replacements that cannot help.

At the end of a failed run this decides whether another instance would fail in the same way. The
sidecar reads the verdict from the instance's disk and reports to Azure accordingly.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Final

from clawbot_agent.config.model import BotConfig, ReplacementConfig
from clawbot_agent.core.errors import ClawbotError, DeadlineExceededError
from clawbot_agent.engine.backoff import RepairBackoffError
from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.features.lease.errors import LeaseHeldError, LeaseLostError
from clawbot_agent.features.mounts.table import mounted_at
from clawbot_agent.host import Host
from clawbot_agent.host.identity import disk_id
from clawbot_agent.records.lease import LEASE, LeaseState
from clawbot_agent.records.record import RecordFile
from clawbot_agent.records.replacement import (
    REPLACEMENT,
    Failure,
    Failures,
    ReplacementVerdict,
    Verdict,
    failures_file,
)
from clawbot_agent.records.run import Result, RunStatus, StageState, StageStatus

# the run's own time may be used up; a share that hangs costs one of these
_SECONDS: Final = 60.0
_EVIDENCE_SECONDS: Final = 180.0
_COPY_SECONDS: Final = 60.0
# an instance that fails every few minutes does not write to the share every few minutes
_FRESH: Final = timedelta(hours=1)
# replacements that end with any error, as a multiple of those that end with the same one
_ANY_ERROR: Final = 2
# another instance is the bot: the failure of this one says nothing about the bot
_OTHER_IS_BOT: Final = frozenset({LeaseHeldError.code, LeaseLostError.code})
_NOT_HOLDING: Final = frozenset({LeaseState.WAITING, LeaseState.LOST})


def evidence_file(config: BotConfig) -> Path:
    """Return the path on the share of the bundle from the instance that suspended replacement."""
    return Path(config.share.path) / "replacement" / "evidence.tar.zst"


def judged(failures: Failures, mine: Failure, config: ReplacementConfig) -> ReplacementVerdict:
    """Suspend after so many replacements with this error, or twice as many with any."""
    row = failures.in_a_row(mine, within=timedelta(hours=config.window_hours))
    number = sum(1 for _ in takewhile(mine.same_error, reversed(row)))
    what = f"{mine.code} in {mine.stage}"
    within = f"within {config.window_hours} h"
    # one cause may show as alternating errors, which must end too
    if number <= config.limit and len(row) > _ANY_ERROR * config.limit:
        number, what = len(row), " or ".join(dict.fromkeys(one.code for one in row))
    suspended = number > config.limit
    reason = (
        f"{number} instances in a row failed with {what} {within}; no further replacement is "
        "requested until a run succeeds here"
        if suspended
        else f"failed with {what}; instances in a row that did {within}: {number}"
    )
    verdict = Verdict.SUSPENDED if suspended else Verdict.ALLOWED
    return ReplacementVerdict(verdict, mine.code, number, config.window_hours, reason)


@dataclass(slots=True)
class ReplacementObserver:
    """Follows a run of all stages and acts at its end.

    It comes before the other observers: when status.json says that the run failed, the verdict is
    already written.

    Attributes:
        others: receive an event about the result.
        make_evidence: makes a bundle on the local disk and returns its path; called once, when
            replacement becomes suspended.
    """

    host: Host
    config: BotConfig
    others: Sequence[Observer]
    make_evidence: Callable[[Host], Path] | None = None
    _waited_for: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Take note of an event."""
        if event.kind is Kind.STAGE_WAITING and event.stage is not None:
            self._waited_for[event.stage] = str(event.data.get("code", ""))
        if event.kind is not Kind.RUN_FINISHED or status.result is Result.INTERRUPTED:
            return
        host = self.host.beyond(_SECONDS, label="recording the result of the run")
        try:
            if status.result is Result.FAILED:
                self._remember(host, status)
            else:
                self._forget(host, status)
        except Exception as error:  # noqa: BLE001 - the run's own result must be reported all the same
            text = f"the result of the run is not recorded: {_problem(error)}"
            self._report(Kind.FAILURE_REMEMBERED, status, text)

    @property
    def _share(self) -> Path:
        return Path(self.config.share.path)

    @property
    def _failures(self) -> RecordFile[Failures]:
        return failures_file(self._share)

    def _remember(self, host: Host, status: RunStatus) -> None:
        if _another_is_the_bot(host, status):
            return
        mine, before = self._failure(host, status), REPLACEMENT.load(host.files)
        verdict = self._verdict(host, mine, before)
        if verdict != before:
            REPLACEMENT.save(host.files, verdict)
        kind = Kind.FAILURE_REPEATED if verdict.suspended else Kind.FAILURE_REMEMBERED
        self._report(kind, status, verdict.reason, code=verdict.code)
        if verdict.suspended and not (before is not None and before.suspends(mine.code)):
            self._keep_evidence(status)

    def _failure(self, host: Host, status: RunStatus) -> Failure:
        failed = next(s for s in status.stages if s.state is StageState.FAILED)
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
        # an exceeded deadline is not the cause; the error that the stage waited for is
        waited_for = self._waited_for.get(failed.name)
        return waited_for if waited_for and code == DeadlineExceededError.code else code

    def _verdict(
        self, host: Host, mine: Failure, before: ReplacementVerdict | None
    ) -> ReplacementVerdict:
        problem = "the share is not mounted"
        try:
            noted = self._noted(host, mine) if self._share_is_there(host) else None
        except ClawbotError as error:
            noted, problem = None, error.message
        # neither an unreachable share nor the age of the failures makes another instance better
        if before is not None and before.suspends(mine.code):
            return before
        if noted is not None:
            return judged(noted, mine, self.config.replacement)
        reason = f"failed with {mine.code} in {mine.stage}; earlier failures unknown: {problem}"
        hours = self.config.replacement.window_hours
        return ReplacementVerdict(Verdict.ALLOWED, mine.code, 1, hours, reason)

    def _noted(self, host: Host, mine: Failure) -> Failures:
        """Return all failures, this one recorded on the share."""
        before = self._failures.load(host.files) or Failures()
        if before.has(mine, not_older_than=_FRESH):
            return before
        after = before.having(mine)
        self._failures.save(host.files, after)
        return after

    def _forget(self, host: Host, status: RunStatus) -> None:
        path = REPLACEMENT.path
        known = host.files.stat(path) is not None
        if known:
            host.files.remove(path)
        if self._share_is_there(host) and host.files.stat(self._failures.path) is not None:
            known = self._keep_backing_off(host) or known
        if known:
            text = "the run succeeded: earlier failures no longer count"
            self._report(Kind.FAILURES_FORGOTTEN, status, text)

    def _keep_backing_off(self, host: Host) -> bool:
        """Forget all failures but repairs that did not last; whether that changes anything.

        Each of those instances succeeded first, and so does the next, before it breaks as well.
        """
        before = self._failures.load(host.files) or Failures()
        after = before.only(RepairBackoffError.code)
        if after.instances and after == before:
            return False
        if after.instances:
            self._failures.save(host.files, after)
        else:
            host.files.remove(self._failures.path)
        return True

    def _share_is_there(self, host: Host) -> bool:
        """Whether the share is mounted at its path."""
        if self.config.share.azure_files is None:
            return True
        return mounted_at(self._share, host.files) is not None

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
            text = f"evidence is not kept on the share: {_problem(error)}"
        self._report(Kind.FAILURE_REPEATED, status, text)

    def _report(self, kind: Kind, status: RunStatus, text: str, **data: str) -> None:
        clean = self.host.redactor.scrub(text)
        event = Event(kind, self.host.clock.now(), None, {"text": clean, **data})
        for observer in self.others:
            with contextlib.suppress(OSError):
                observer(event, status)


def _problem(error: Exception) -> str:
    return error.message if isinstance(error, ClawbotError) else f"{type(error).__name__}: {error}"


def _another_is_the_bot(host: Host, status: RunStatus) -> bool:
    """Whether this instance waits for the lease, or has lost it."""
    codes = {stage.error.code for stage in status.stages if stage.error is not None}
    report = LEASE.load(host.files)
    fresh = report is not None and report.is_fresh(host.clock.now())
    return bool(codes & _OTHER_IS_BOT) or (
        fresh and report is not None and report.state in _NOT_HOLDING
    )
