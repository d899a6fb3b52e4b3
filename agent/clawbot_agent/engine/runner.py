"""The run of a graph: independent stages overlap, a failed one blocks only its dependants."""

import contextlib
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import (
    BRIEF,
    ClawbotError,
    FailureCause,
    InterruptedRunError,
    UnexpectedError,
)
from clawbot_agent.engine.backoff import BackingOffError, BackOff
from clawbot_agent.engine.events import Event, Kind, Observer
from clawbot_agent.engine.retry import Wait, retrying, with_cause
from clawbot_agent.engine.stage import AnyStage, Graph, Plan, Resource
from clawbot_agent.host import Host
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState, StageStatus

__all__ = ["NotConvergedError", "Runner"]

# how often the main thread wakes up, so that it handles signals while stages work
_TICK_SECONDS: Final = 0.5
# until a stage ends, the text of its last such event is its reason
_WITH_REASON: Final = frozenset({Kind.STAGE_ACTION, Kind.STAGE_NOTE, Kind.STAGE_WAITING})
_OVER: Final = frozenset(
    {StageState.UNCHANGED, StageState.CHANGED, StageState.DEGRADED, StageState.SKIPPED}
)


class NotConvergedError(ClawbotError):
    """A stage applied its whole plan, and the next plan is not empty."""

    code = "NOT_CONVERGED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "check for another tool that manages the same thing and undoes the change"


@dataclass(slots=True)
class _Work:
    """A stage's work: summaries of the applied actions, and what they repaired."""

    applied: list[str] = field(default_factory=list)
    repaired: dict[str, None] = field(default_factory=dict)


class Runner:
    """One run.

    Args:
        graph: all stages.
        host: the machine, limited to the run's deadline.
        config: of the bot.
        status: the start of the run: every stage pending.
        observers: called for every event, in order.
        back_off: the stages that back off after failures and repairs; none when omitted.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        graph: Graph,
        *,
        host: Host,
        config: BotConfig,
        status: RunStatus,
        observers: Sequence[Observer],
        back_off: BackOff | None = None,
    ) -> None:
        self._graph = graph
        self._host = host
        self._config = config
        self._status = status
        self._observers = tuple(observers)
        self._back_off = back_off or BackOff(boot_id=status.boot_id, config="")
        self._lock = threading.RLock()
        # skipped because of a failure, unlike stages that this bot does not have
        self._blocked: set[str] = set()
        # backing off after a repair: its dependants run with what it left
        self._backing_off: set[str] = set()
        self._resources = {resource: threading.Lock() for resource in Resource}

    def run(self, chosen: Sequence[AnyStage]) -> RunStatus:
        """Run the `chosen` stages to their end; a stage's error does not raise."""
        names = {stage.name for stage in chosen}
        self._emit(Kind.RUN_STARTED, stages=[stage.name for stage in chosen])
        for stage in self._graph.order:
            if stage.name not in names:
                self._finish(stage, StageState.SKIPPED, reason="not part of this run")
        self._run_all(chosen)
        return self._end(whole=len(names) == len(self._graph.order))

    def _run_all(self, chosen: Sequence[AnyStage]) -> None:
        waiting = list(chosen)
        names = {stage.name for stage in chosen}
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as pool:
            while waiting or running:
                for stage in tuple(waiting):
                    needs = [self._status.stage(n) for n in stage.needs if n in names]
                    if bad := next((n for n in needs if self._blocks(n)), None):
                        waiting.remove(stage)
                        self._block(stage, by=bad)
                    elif all(self._is_done(need) for need in needs):
                        waiting.remove(stage)
                        running.add(pool.submit(self._run_stage, stage))
                if running:
                    done, running = wait(running, _TICK_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        future.result()

    def _blocks(self, need: StageStatus) -> bool:
        failed = need.state is StageState.FAILED and need.name not in self._backing_off
        return failed or need.name in self._blocked

    def _is_done(self, need: StageStatus) -> bool:
        return need.state in _OVER or need.name in self._backing_off

    def _block(self, stage: AnyStage, *, by: StageStatus) -> None:
        self._blocked.add(stage.name)
        why = "failed" if by.state is StageState.FAILED else "could not run"
        self._finish(stage, StageState.SKIPPED, reason=f"needs {by.name}, which {why}")

    def _run_stage(self, stage: AnyStage) -> None:
        if reason := stage.skip_reason(self._config):
            self._finish(stage, StageState.SKIPPED, reason=reason)
            return
        with _Locks([self._resources[resource] for resource in sorted(stage.locks)]) as held:
            self._change(
                stage, Kind.STAGE_STARTED, state=StageState.RUNNING, started=self._host.clock.now()
            )
            self._attempts(stage, held)

    def _attempts(self, stage: AnyStage, held: "_Locks") -> None:
        host = replace(
            self._host.within(stage.budget, label=stage.name),
            note=lambda text: self._emit(Kind.STAGE_NOTE, stage, text=text),
        )
        work = _Work()
        waits: list[Wait] = []

        def attempt(number: int) -> Plan:
            host.limit.check()
            held.take()
            self._set(stage, attempts=number)
            return self._attempt(stage, host=host, work=work)

        def on_wait(pause: Wait) -> None:
            waits.append(pause)
            self._emit_wait(stage, pause)
            # a stage that waits must not block others
            held.release()

        try:
            plan = retrying(attempt, limit=host.limit, on_wait=on_wait)
        except ClawbotError as error:
            self._fail(stage, with_cause(error, waits), work)
        except Exception as error:  # noqa: BLE001 - a defect in one stage must not end the run
            self._emit(Kind.STAGE_NOTE, stage, text=traceback.format_exc())
            self._fail(stage, UnexpectedError(f"{type(error).__name__}: {error}"), work)
        else:
            self._succeed(stage, plan, work)

    def _attempt(self, stage: AnyStage, *, host: Host, work: _Work) -> Plan:
        plan = stage.look(host, self._config)
        if plan.empty:
            return plan
        self._back_off.check(stage.name, host.clock.now())
        for action in plan.actions:
            host.limit.check()
            self._emit(Kind.STAGE_ACTION, stage, text=action.summary)
            work.repaired[stage.repairs(action)] = None
            action.apply(host)
            work.applied.append(action.summary)
        after = stage.look(host, self._config)
        if not after.empty:
            left = "; ".join(action.summary for action in after.actions)
            msg = f"{stage.name}: still to do after the whole plan was applied: {left}"
            raise NotConvergedError(msg)
        return after

    def _succeed(self, stage: AnyStage, plan: Plan, work: _Work) -> None:
        now = self._host.clock.now()
        with self._lock:
            if work.applied or self._back_off.failing(stage.name):
                # a dependent may have failed for want of this stage
                self._back_off.forget(self._graph.dependants(stage.name))
            if work.applied and stage.repairs_back_off:
                self._back_off.changed(stage.name, now)
            else:
                self._back_off.unchanged(stage.name, now)
            self._emit_repairs(Kind.REPAIR_DONE, stage, work)
            state = StageState.CHANGED if work.applied else StageState.UNCHANGED
            # an attempt may repeat actions of an earlier one
            reason = "; ".join(dict.fromkeys(work.applied)) if work.applied else plan.reason
            self._finish(stage, state, reason=reason)

    def _fail(self, stage: AnyStage, error: ClawbotError, work: _Work) -> None:
        shown = error.reported if isinstance(error, BackingOffError) else self._scrubbed(error)
        interrupted = isinstance(error, InterruptedRunError)
        optional = not stage.required(self._config) and not interrupted
        backs_off = isinstance(error, NotConvergedError) or stage.backs_off(error)
        state = StageState.DEGRADED if optional else StageState.FAILED
        with self._lock:
            if not (interrupted or isinstance(error, BackingOffError)):
                self._back_off.failed(
                    stage.name, shown, self._host.clock.now(), backs_off=backs_off
                )
                self._emit_repairs(Kind.REPAIR_FAILED, stage, work)
            if isinstance(error, BackingOffError) and error.after_repair:
                self._backing_off.add(stage.name)
            self._finish(stage, state, reason=error.message, error=shown)

    def _end(self, *, whole: bool) -> RunStatus:
        states = {stage.state for stage in self._status.stages}
        result = Result.CONVERGED
        if self._host.limit.canceled.is_set():
            result = Result.INTERRUPTED
        elif StageState.FAILED in states:
            result = Result.FAILED
        elif StageState.DEGRADED in states:
            result = Result.DEGRADED
        with self._lock:
            if whole and result in {Result.CONVERGED, Result.DEGRADED}:
                self._back_off.converged = True
            now = self._host.clock.now()
            self._status = replace(self._status, result=result, finished=now)
            seconds = (now - self._status.started).total_seconds()
            self._emit(Kind.RUN_FINISHED, result=result.value, seconds=round(seconds, 3))
        return self._status

    # --- status and events -----------------------------------------------------

    def _finish(
        self, stage: AnyStage, state: StageState, *, reason: str, error: StageError | None = None
    ) -> None:
        started = self._status.stage(stage.name).started
        now = self._host.clock.now()
        self._change(
            stage,
            Kind.STAGE_FINISHED,
            state=state,
            reason=self._host.redactor.scrub(reason),
            seconds=None if started is None else (now - started).total_seconds(),
            error=error,
        )

    def _scrubbed(self, error: ClawbotError) -> StageError:
        plain = StageError.of(error)
        scrub = self._host.redactor.scrub
        return replace(plain, message=scrub(plain.message), hint=scrub(plain.hint))

    def _set(self, stage: AnyStage, **changes: Any) -> StageStatus:  # noqa: ANN401 - fields of StageStatus
        with self._lock:
            changed = replace(self._status.stage(stage.name), **changes)
            self._status = self._status.having(changed)
            return changed

    def _change(self, stage: AnyStage, kind: Kind, **changes: Any) -> None:  # noqa: ANN401 - see _set
        with self._lock:
            found = self._set(stage, **changes)
            data = {
                "state": found.state.value,
                "reason": found.reason,
                "attempts": found.attempts,
                "seconds": found.seconds,
                "error": found.error,
            }
            self._emit(kind, stage, **{k: v for k, v in data.items() if v not in (None, "")})

    def _emit_repairs(self, kind: Kind, stage: AnyStage, work: _Work) -> None:
        if self._back_off.converged:
            for what in work.repaired:
                self._emit(kind, stage, what=what)

    def _emit_wait(self, stage: AnyStage, pause: Wait) -> None:
        self._set(stage, error=self._scrubbed(pause.error))
        self._emit(
            Kind.STAGE_WAITING,
            stage,
            attempt=pause.attempt,
            seconds=round(pause.seconds, 1),
            code=pause.error.code,
            text=pause.error.message,
        )

    def _emit(self, kind: Kind, stage: AnyStage | None = None, **data: Any) -> None:  # noqa: ANN401 - JSON
        scrub = self._host.redactor.scrub
        clean = {k: scrub(v) if isinstance(v, str) else v for k, v in data.items()}
        with self._lock:
            if stage is not None and kind in _WITH_REASON:
                self._set(stage, reason=str(clean["text"]))
            if stage is not None and kind is Kind.STAGE_ACTION:
                # it is past the error that it waited for
                self._set(stage, error=None)
            event = Event(kind, self._host.clock.now(), stage.name if stage else None, clean)
            for observer in self._observers:
                # a full disk or a closed pipe must not end the run
                with contextlib.suppress(OSError):
                    observer(event, self._status)


class _Locks:
    """The locks of a working stage, all held or none; a context manager that takes them.

    Args:
        locks: always in the same order, which rules out a deadlock.
    """

    def __init__(self, locks: Sequence[threading.Lock]) -> None:
        self._locks = tuple(locks)
        self._taken: contextlib.ExitStack | None = None

    def take(self) -> None:
        """Take all; nothing when they are held."""
        if self._taken is None:
            self._taken = contextlib.ExitStack()
            for lock in self._locks:
                self._taken.enter_context(lock)

    def release(self) -> None:
        """Release all; nothing when they are free."""
        if self._taken is not None:
            self._taken.close()
            self._taken = None

    def __enter__(self) -> Self:
        """Take all."""
        self.take()
        return self

    def __exit__(self, *_error: object) -> None:
        """Release all."""
        self.release()
