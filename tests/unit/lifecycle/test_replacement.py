"""Failures of successive instances of a bot, and when replacement is suspended."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import REPLACEMENT_FILE
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host import Host
from clawbot_agent.host.files import FileStat
from clawbot_agent.host.share_errors import ShareHungError
from clawbot_agent.lifecycle.replacement import ReplacementObserver, evidence_file
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState
from clawbot_agent.records.replacement import failures_file
from clawbot_agent.records.run import Result, RunStatus, StageError, StageState, StageStatus
from tests.fakes import Call, FakeClock, FakeFiles, FakeRun, a_config, fake_host

LOCAL: Final = a_config()
SHARED: Final = a_config(
    share={"kind": "azure-files", "account": "botshares", "name": "bot", "key_secret": "key"}
)
MOUNTS: Final = Path("/proc/self/mountinfo")
FORBIDDEN: Final = "KEYVAULT_FORBIDDEN"
HOUR: Final = 3600.0


class _HungShare(FakeFiles):
    """A share that does not answer."""

    def read_text(self, path: Path) -> str | None:
        if path.name == "failures.json":
            msg = f"{path}: no answer"
            raise ShareHungError(msg)
        return FakeFiles.read_text(self, path)


@dataclass
class Successors:
    """Instances of one bot, one after the other, on one share."""

    config: BotConfig = LOCAL
    clock: FakeClock = field(default_factory=FakeClock)
    share: str | None = None
    files: FakeFiles = field(init=False)
    run: FakeRun = field(default_factory=FakeRun)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with the first."""
        self.next_instance("first")

    def next_instance(
        self, name: str, *, disk: str = "", files: type[FakeFiles] = FakeFiles
    ) -> None:
        """Replace the instance: an empty disk, the same share."""
        if hasattr(self, "files"):
            self.share = self.files.read_text(self.path)
        self.files = files(clock=self.clock)
        self.name = name
        self.files.put("/etc/machine-id", disk or f"disk of {name}")
        self.mount(there=True)
        if self.share is not None:
            self.files.put(self.path, self.share)

    @property
    def path(self) -> Path:
        """Return the path of the failures on the share."""
        return failures_file(Path(self.config.share.path)).path

    def mount(self, *, there: bool) -> None:
        """Mount the share or not."""
        point = self.config.share.path if there else "/"
        self.files.put(MOUNTS, f"36 25 0:31 / {point} rw - cifs //a/bot rw\n")

    def _evidence(self, host: Host) -> Path:
        del host
        return Path("/var/lib/clawbot/bundles/newest.tar.zst")

    def ends(
        self, result: Result, *, code: str = FORBIDDEN, stage: str = "secrets", waited: str = ""
    ) -> None:
        """End a run of all stages."""
        host = fake_host(files=self.files, clock=self.clock, run=self.run)
        observer = ReplacementObserver(
            host,
            self.config,
            others=[lambda event, _status: self.events.append(event)],
            make_evidence=self._evidence,
        )
        error = StageError(code, "why", "what next", retryable=True)
        states = {
            "apt": StageStatus("apt", "base", StageState.UNCHANGED),
            stage: StageStatus(stage, "node", StageState.FAILED, error=error),
        }
        if result is not Result.FAILED:
            del states[stage]
        status = RunStatus(
            instance_id=self.name,
            boot_id="boot",
            agent_version="1",
            started=self.clock.now(),
            stages=tuple(states.values()),
            result=result,
        )
        if waited:
            data = {"code": waited, "text": "why"}
            observer(Event(Kind.STAGE_WAITING, self.clock.now(), stage, data), status)
        observer(Event(Kind.RUN_FINISHED, self.clock.now(), None, {}), status)

    @property
    def verdict(self) -> dict[str, Any]:
        """Return replacement.json; empty without one."""
        found: dict[str, Any] = json.loads(self.files.read_text(REPLACEMENT_FILE) or "{}")
        return found

    @property
    def remembered(self) -> list[dict[str, str]]:
        """Return the failures on the share."""
        text = self.files.read_text(self.path) or '{"instances": []}'
        found: list[dict[str, str]] = json.loads(text)["instances"]
        return found


@pytest.fixture
def bot() -> Successors:
    """A bot on its first instance."""
    run = FakeRun()
    run.answer("cp")
    return Successors(run=run)


def test_third_instance_with_the_same_error_suspends_replacement(bot: Successors) -> None:
    verdicts = []
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
        verdicts.append((bot.verdict["verdict"], bot.verdict["failures"]))
    assert verdicts == [("allowed", 1), ("allowed", 2), ("suspended", 3)]
    assert [event.kind for event in bot.events] == [
        Kind.FAILURE_REMEMBERED,
        Kind.FAILURE_REMEMBERED,
        Kind.FAILURE_REPEATED,
        Kind.FAILURE_REPEATED,
    ]


def test_verdict_keys_are_a_promise(bot: Successors) -> None:
    bot.ends(Result.FAILED)
    found = bot.verdict
    assert found.pop("reason").startswith("failed with KEYVAULT_FORBIDDEN in secrets; ")
    assert found == {
        "schema": 1,
        "verdict": "allowed",
        "code": FORBIDDEN,
        "failures": 1,
        "window_hours": 24,
    }
    stat = bot.files.stat(REPLACEMENT_FILE)
    assert stat is not None
    # the sidecar runs as another user
    assert stat.mode == 0o644


def test_runs_of_one_instance_count_once(bot: Successors) -> None:
    for _ in range(5):
        bot.clock.advance(300)
        bot.ends(Result.FAILED)
    assert bot.verdict["failures"] == 1
    assert len(bot.remembered) == 1


def test_instance_that_keeps_failing_writes_once_an_hour(bot: Successors) -> None:
    """Each write to the share is billed."""
    path = bot.path
    for _ in range(13):
        bot.ends(Result.FAILED)
        bot.clock.advance(300)
    assert bot.files.writes.count(path) == 2
    assert bot.remembered[0]["first"] < bot.remembered[0]["last"]


def test_reimaged_instance_counts_as_another_one(bot: Successors) -> None:
    """Azure's reimage keeps the id; the disk is new."""
    for disk in ("one", "two", "three"):
        bot.next_instance("same", disk=disk)
        bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "suspended"


def test_another_error_restarts_the_count(bot: Successors) -> None:
    for name, code in (("a", FORBIDDEN), ("b", "IMAGE_OOM"), ("c", FORBIDDEN), ("d", FORBIDDEN)):
        bot.next_instance(name)
        bot.ends(Result.FAILED, code=code)
    assert (bot.verdict["verdict"], bot.verdict["failures"]) == ("allowed", 2)


def test_same_code_in_another_stage_is_another_error(bot: Successors) -> None:
    for name, stage in (("a", "share"), ("b", "state"), ("c", "share")):
        bot.next_instance(name)
        bot.ends(Result.FAILED, stage=stage, code="COMMAND_FAILED")
    assert bot.verdict["failures"] == 1


def test_failure_before_the_window_does_not_count(bot: Successors) -> None:
    for name, hours in (("a", 0.0), ("b", 1.0), ("c", 23.5)):
        bot.next_instance(name)
        bot.clock.advance(hours * HOUR)
        bot.ends(Result.FAILED)
    assert (bot.verdict["verdict"], bot.verdict["failures"]) == ("allowed", 2)


def test_limit_and_window_are_configurable() -> None:
    bot = Successors(a_config(replacement={"limit": 1, "window_hours": 2}))
    bot.run.answer("cp")
    bot.ends(Result.FAILED)
    bot.next_instance("second")
    bot.clock.advance(1.9 * HOUR)
    bot.ends(Result.FAILED)
    assert (bot.verdict["verdict"], bot.verdict["window_hours"]) == ("suspended", 2)


@pytest.mark.parametrize("result", [Result.CONVERGED, Result.DEGRADED])
def test_success_clears_verdict_and_failures(bot: Successors, result: Result) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    bot.ends(result)
    assert bot.verdict == {}
    assert bot.remembered == []
    assert bot.events[-1].kind is Kind.FAILURES_FORGOTTEN
    bot.ends(Result.FAILED)
    assert bot.verdict["failures"] == 1


def test_success_clears_failures_of_earlier_instances(bot: Successors) -> None:
    bot.ends(Result.FAILED)
    bot.next_instance("second")
    bot.ends(Result.CONVERGED)
    assert bot.remembered == []


def test_success_without_failures_writes_and_reports_nothing(bot: Successors) -> None:
    bot.ends(Result.CONVERGED)
    assert bot.files.writes == []
    assert bot.events == []


def test_interrupted_run_writes_nothing(bot: Successors) -> None:
    bot.ends(Result.INTERRUPTED)
    assert bot.files.writes == []


@pytest.mark.parametrize("code", ["LEASE_HELD", "LEASE_LOST"])
def test_instance_without_the_lease_writes_nothing(bot: Successors, code: str) -> None:
    """Another instance is the bot; the failure of this one says nothing about it."""
    bot.ends(Result.FAILED, code=code, stage="lease")
    assert bot.files.writes == []


@pytest.mark.parametrize("state", [LeaseState.WAITING, LeaseState.LOST])
def test_instance_that_fails_elsewhere_without_the_lease_writes_nothing(
    bot: Successors, state: LeaseState
) -> None:
    report = LeaseReport(state=state, updated=bot.clock.now())
    LEASE.save(bot.files, report)
    bot.files.writes.clear()
    bot.ends(Result.FAILED)
    assert bot.files.writes == []


def test_error_before_the_deadline_counts(bot: Successors) -> None:
    bot.ends(Result.FAILED, code="DEADLINE_EXCEEDED", waited=FORBIDDEN)
    assert bot.verdict["code"] == FORBIDDEN


def test_share_that_is_not_mounted_is_not_written() -> None:
    """The file would be written to the local disk, under the mount point."""
    bot = Successors(SHARED)
    bot.mount(there=False)
    bot.ends(Result.FAILED, code="SHARE_HUNG", stage="share")
    assert bot.files.writes == [REPLACEMENT_FILE]
    assert bot.verdict["verdict"] == "allowed"
    assert "not mounted" in bot.verdict["reason"]


def test_hung_share_is_reported_and_keeps_the_suspension(bot: Successors) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    there = bot.files.read_text(REPLACEMENT_FILE)
    bot.next_instance("third", files=_HungShare)
    bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "allowed"
    assert "no answer" in bot.verdict["reason"]
    bot.files.put(REPLACEMENT_FILE, there or "")
    bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "suspended"


def test_evidence_is_kept_once_when_replacement_becomes_suspended() -> None:
    bot = Successors()
    copied = []

    def copy(call: Call) -> None:
        copied.append(call.argv[-2])
        bot.files.put(call.argv[-1], "the bundle")

    bot.run.effect("cp", act=copy)
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    bot.ends(Result.FAILED)
    assert copied == ["/var/lib/clawbot/bundles/newest.tar.zst"]
    assert bot.files.read_text(evidence_file(bot.config)) == "the bundle"
    assert any("evidence is kept on the share" in event.data["text"] for event in bot.events)


def test_evidence_that_cannot_be_kept_does_not_change_the_verdict(bot: Successors) -> None:
    class NoSpaceError(ClawbotError):
        code = "NO_SPACE"

    bot.run = FakeRun()
    bot.run.fail("cp", error=NoSpaceError("disk full"))
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "suspended"
    assert bot.events[-1].data["text"] == "evidence is not kept on the share: disk full"


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"instances": [{}]}', '{"instances": 3}'])
def test_damaged_failures_count_as_none(bot: Successors, text: str) -> None:
    bot.files.put(bot.path, text)
    bot.ends(Result.FAILED)
    assert len(bot.remembered) == 1


def test_times_have_a_zone(bot: Successors) -> None:
    """Instances compare them."""
    bot.ends(Result.FAILED)
    assert datetime.fromisoformat(bot.remembered[0]["last"]).tzinfo is not None


PAUSED: Final = "REPAIR_BACKOFF"


def test_instances_that_keep_breaking_after_a_success_suspend_replacement() -> None:
    """Each of them succeeds first, which must not clear the failures of earlier ones."""
    bot = Successors()
    bot.run.answer("cp")
    verdicts = []
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.CONVERGED)
        bot.ends(Result.FAILED, code=PAUSED, stage="gateway")
        verdicts.append(bot.verdict["verdict"])
    assert verdicts == ["allowed", "allowed", "suspended"]
    # it recovers for a while, then breaks again
    bot.ends(Result.CONVERGED)
    assert bot.verdict == {}
    bot.ends(Result.FAILED, code=PAUSED, stage="gateway")
    assert bot.verdict["verdict"] == "suspended"


def test_success_clears_other_errors_and_reports_it_once(bot: Successors) -> None:
    for name, code in (("first", PAUSED), ("second", FORBIDDEN)):
        bot.next_instance(name)
        bot.ends(Result.FAILED, code=code, stage="gateway")
    bot.next_instance("third")
    for _ in range(3):
        bot.ends(Result.CONVERGED)
    assert [one["code"] for one in bot.remembered] == [PAUSED]
    assert [event.kind for event in bot.events].count(Kind.FAILURES_FORGOTTEN) == 1


def test_suspension_lasts_when_the_other_failures_are_old(bot: Successors) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    for _ in range(50):
        bot.clock.advance(HOUR)
        bot.ends(Result.FAILED)
        assert bot.verdict["verdict"] == "suspended"
    # another error is judged by itself
    bot.ends(Result.FAILED, code="IMAGE_OOM", stage="image")
    assert bot.verdict["verdict"] == "allowed"


def test_alternating_errors_suspend_replacement_too(bot: Successors) -> None:
    """A gateway that exits at each start is GATEWAY_EXITED or GATEWAY_NOT_READY."""
    codes = ["GATEWAY_EXITED", "GATEWAY_NOT_READY"] * 3
    verdicts = []
    for number, code in enumerate(codes):
        bot.next_instance(f"number {number}")
        bot.ends(Result.FAILED, code=code, stage="gateway")
        verdicts.append(bot.verdict["verdict"])
    assert verdicts == ["allowed", "allowed", "allowed", "allowed", "suspended", "suspended"]
    assert bot.verdict["failures"] == 6
    assert "6 instances in a row failed with GATEWAY_EXITED or GATEWAY_NOT_READY" in str(
        bot.verdict["reason"]
    )
    # the other error does not end the suspension
    bot.ends(Result.FAILED, code=codes[0], stage="gateway")
    assert bot.verdict["verdict"] == "suspended"


class _Defective(FakeFiles):
    """Raises an unforeseen exception."""

    def stat(self, path: Path) -> FileStat | None:
        self.read_text(path)
        return FakeFiles.stat(self, path)

    def read_text(self, path: Path) -> str | None:
        if path.name == "failures.json":
            msg = "surprise"
            raise ValueError(msg)
        return FakeFiles.read_text(self, path)


@pytest.mark.parametrize("result", [Result.FAILED, Result.CONVERGED])
def test_defect_here_does_not_end_the_run(result: Result) -> None:
    bot = Successors()
    bot.next_instance("first", files=_Defective)
    bot.ends(result)
    assert "ValueError: surprise" in bot.events[-1].data["text"]


def test_defect_in_the_evidence_does_not_end_the_run(bot: Successors) -> None:
    def defect(_call: Call) -> None:
        msg = "surprise"
        raise ValueError(msg)

    bot.run = FakeRun()
    bot.run.effect("cp", act=defect)
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    assert bot.events[-1].data["text"] == "evidence is not kept on the share: ValueError: surprise"
