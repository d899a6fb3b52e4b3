"""What successive instances of a bot remember of each other, and when they stop asking."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import LEASE_FILE, REPAIR_FILE
from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.features.lease.report import LeaseReport, LeaseState
from clawbot_agent.host import Host
from clawbot_agent.host.share_errors import ShareHungError
from clawbot_agent.lifecycle.replacement.observer import RepairSense, evidence_file, failures_file
from clawbot_agent.records.status import Result, RunStatus, StageError, StageStatus, State
from tests.fakes import Call, FakeClock, FakeFiles, FakeRun, a_config, fake_host

LOCAL: Final = a_config()
SHARED: Final = a_config(
    share={"kind": "azure-files", "account": "botshares", "name": "bot", "key_secret": "key"}
)
MOUNTS: Final = Path("/proc/self/mountinfo")
FORBIDDEN: Final = "KEYVAULT_FORBIDDEN"
HOUR: Final = 3600.0


class _HungShare(FakeFiles):
    """A share that does not answer any more."""

    def read_text(self, path: Path) -> str | None:
        if "repair" in path.parts:
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
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the first."""
        self.next_instance("first")

    def next_instance(
        self, name: str, *, disk: str = "", files: type[FakeFiles] = FakeFiles
    ) -> None:
        """A new machine with an empty disk; the share is what it was."""
        if hasattr(self, "files"):
            self.share = self.files.read_text(failures_file(self.config))
        self.files = files(clock=self.clock)
        self.name = name
        self.files.put("/etc/machine-id", disk or f"disk of {name}")
        self.mount(there=True)
        if self.share is not None:
            self.files.put(failures_file(self.config), self.share)

    def mount(self, *, there: bool) -> None:
        """Have the share mounted or not."""
        point = self.config.share.path if there else "/"
        self.files.put(MOUNTS, f"36 25 0:31 / {point} rw - cifs //a/bot rw\n")

    def _evidence(self, host: Host) -> Path:
        del host
        return Path("/var/lib/clawbot/bundles/newest.tar.zst")

    def ends(
        self, result: Result, *, code: str = FORBIDDEN, stage: str = "secrets", waited: str = ""
    ) -> None:
        """A run of all stages comes to its end."""
        host = fake_host(files=self.files, clock=self.clock, run=self.run)
        sense = RepairSense(
            host,
            self.config,
            others=[lambda event, _status: self.told.append(event)],
            make_evidence=self._evidence,
        )
        error = StageError(code, "why", "what next", retryable=True)
        states = {
            "apt": StageStatus("apt", "base", State.UNCHANGED),
            stage: StageStatus(stage, "node", State.FAILED, error=error),
        }
        if result is not Result.FAILED:
            del states[stage]
        status = RunStatus(self.name, "boot", "1", self.clock.now(), tuple(states.values()), result)
        if waited:
            data = {"code": waited, "text": "why"}
            sense(Event(Kind.STAGE_WAITING, self.clock.now(), stage, data), status)
        sense(Event(Kind.RUN_FINISHED, self.clock.now(), None, {}), status)

    @property
    def verdict(self) -> dict[str, Any]:
        """repair.json; empty without one."""
        found: dict[str, Any] = json.loads(self.files.read_text(REPAIR_FILE) or "{}")
        return found

    @property
    def remembered(self) -> list[dict[str, str]]:
        """What the share remembers."""
        text = self.files.read_text(failures_file(self.config)) or '{"instances": []}'
        found: list[dict[str, str]] = json.loads(text)["instances"]
        return found


@pytest.fixture
def bot() -> Successors:
    """A bot on its first instance."""
    run = FakeRun()
    run.answer("cp")
    return Successors(run=run)


def test_the_third_instance_with_the_same_error_holds(bot: Successors) -> None:
    verdicts = []
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
        verdicts.append((bot.verdict["verdict"], bot.verdict["failures"]))
    assert verdicts == [("ask", 1), ("ask", 2), ("hold", 3)]
    assert [event.kind for event in bot.told] == [
        Kind.FAILURE_REMEMBERED,
        Kind.FAILURE_REMEMBERED,
        Kind.FAILURE_REPEATED,
        Kind.FAILURE_REPEATED,
    ]


def test_the_keys_of_the_verdict_are_a_promise(bot: Successors) -> None:
    bot.ends(Result.FAILED)
    found = bot.verdict
    assert found.pop("reason").startswith("failed with KEYVAULT_FORBIDDEN in secrets; ")
    assert found == {
        "schema": 1,
        "verdict": "ask",
        "code": FORBIDDEN,
        "failures": 1,
        "window_hours": 24,
    }
    stat = bot.files.stat(REPAIR_FILE)
    assert stat is not None
    # the sidecar, which is another user, reads it
    assert stat.mode == 0o644


def test_many_runs_of_one_instance_count_once(bot: Successors) -> None:
    for _ in range(5):
        bot.clock.advance(300)
        bot.ends(Result.FAILED)
    assert bot.verdict["failures"] == 1
    assert len(bot.remembered) == 1


def test_an_instance_that_fails_every_few_minutes_writes_once_an_hour(bot: Successors) -> None:
    """Each write to the share is billed."""
    path = failures_file(bot.config)
    for _ in range(13):
        bot.ends(Result.FAILED)
        bot.clock.advance(300)
    assert bot.files.writes.count(path) == 2
    assert bot.remembered[0]["first"] < bot.remembered[0]["last"]


def test_a_reimaged_instance_is_another_one(bot: Successors) -> None:
    """Azure's reimage keeps the id; the disk is new."""
    for disk in ("one", "two", "three"):
        bot.next_instance("same", disk=disk)
        bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "hold"


def test_another_error_begins_anew(bot: Successors) -> None:
    for name, code in (("a", FORBIDDEN), ("b", "IMAGE_OOM"), ("c", FORBIDDEN), ("d", FORBIDDEN)):
        bot.next_instance(name)
        bot.ends(Result.FAILED, code=code)
    assert (bot.verdict["verdict"], bot.verdict["failures"]) == ("ask", 2)


def test_the_same_code_in_another_stage_is_another_error(bot: Successors) -> None:
    for name, stage in (("a", "share"), ("b", "state"), ("c", "share")):
        bot.next_instance(name)
        bot.ends(Result.FAILED, stage=stage, code="COMMAND_FAILED")
    assert bot.verdict["failures"] == 1


def test_what_lies_further_back_than_the_window_does_not_count(bot: Successors) -> None:
    for name, hours in (("a", 0.0), ("b", 1.0), ("c", 23.5)):
        bot.next_instance(name)
        bot.clock.advance(hours * HOUR)
        bot.ends(Result.FAILED)
    assert (bot.verdict["verdict"], bot.verdict["failures"]) == ("ask", 2)


def test_the_window_and_the_number_are_configured() -> None:
    bot = Successors(a_config(repair={"replacements": 1, "window_hours": 2}))
    bot.run.answer("cp")
    bot.ends(Result.FAILED)
    bot.next_instance("second")
    bot.clock.advance(1.9 * HOUR)
    bot.ends(Result.FAILED)
    assert (bot.verdict["verdict"], bot.verdict["window_hours"]) == ("hold", 2)


@pytest.mark.parametrize("result", [Result.CONVERGED, Result.DEGRADED])
def test_the_first_success_clears_it(bot: Successors, result: Result) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    bot.ends(result)
    assert bot.verdict == {}
    assert bot.remembered == []
    assert bot.told[-1].kind is Kind.FAILURES_FORGOTTEN
    bot.ends(Result.FAILED)
    assert bot.verdict["failures"] == 1


def test_a_success_of_an_instance_clears_what_those_before_it_left(bot: Successors) -> None:
    bot.ends(Result.FAILED)
    bot.next_instance("second")
    bot.ends(Result.CONVERGED)
    assert bot.remembered == []


def test_a_success_without_failures_writes_and_tells_nothing(bot: Successors) -> None:
    bot.ends(Result.CONVERGED)
    assert bot.files.writes == []
    assert bot.told == []


def test_an_interrupted_run_says_nothing(bot: Successors) -> None:
    bot.ends(Result.INTERRUPTED)
    assert bot.files.writes == []


@pytest.mark.parametrize("code", ["LEASE_HELD", "LEASE_LOST"])
def test_an_instance_without_the_lease_does_not_write(bot: Successors, code: str) -> None:
    """Another one is the bot; how this one ends says nothing about it."""
    bot.ends(Result.FAILED, code=code, stage="lease")
    assert bot.files.writes == []


@pytest.mark.parametrize("state", [LeaseState.WAITING, LeaseState.LOST])
def test_nor_one_that_fails_elsewhere_while_it_waits(bot: Successors, state: LeaseState) -> None:
    report = LeaseReport(state=state, updated=bot.clock.now())
    bot.files.put(LEASE_FILE, report.document())
    bot.ends(Result.FAILED)
    assert bot.files.writes == []


def test_why_it_waited_counts_and_not_that_time_ran_out(bot: Successors) -> None:
    bot.ends(Result.FAILED, code="DEADLINE_EXCEEDED", waited=FORBIDDEN)
    assert bot.verdict["code"] == FORBIDDEN


def test_a_share_that_is_not_mounted_is_not_written_to() -> None:
    """What would be written there lands on the local disk, under the share."""
    bot = Successors(SHARED)
    bot.mount(there=False)
    bot.ends(Result.FAILED, code="SHARE_HUNG", stage="share")
    assert bot.files.writes == [REPAIR_FILE]
    assert bot.verdict["verdict"] == "ask"
    assert "not mounted" in bot.verdict["reason"]


def test_a_hung_share_is_told_and_what_held_before_still_holds(bot: Successors) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    there = bot.files.read_text(REPAIR_FILE)
    bot.next_instance("third", files=_HungShare)
    bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "ask"
    assert "no answer" in bot.verdict["reason"]
    bot.files.put(REPAIR_FILE, there or "")
    bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "hold"


def test_evidence_is_kept_once_when_it_begins_to_hold() -> None:
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
    assert any("evidence is kept on the share" in event.data["text"] for event in bot.told)


def test_evidence_that_cannot_be_kept_does_not_change_the_verdict(bot: Successors) -> None:
    class NoRoomError(ClawbotError):
        code = "NO_ROOM"

    bot.run = FakeRun()
    bot.run.fail("cp", error=NoRoomError("no room"))
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    assert bot.verdict["verdict"] == "hold"
    assert bot.told[-1].data["text"] == "evidence is not kept on the share: no room"


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"instances": [{}]}', '{"instances": 3}'])
def test_a_damaged_memory_is_an_empty_one(bot: Successors, text: str) -> None:
    bot.files.put(failures_file(bot.config), text)
    bot.ends(Result.FAILED)
    assert len(bot.remembered) == 1


def test_times_are_written_with_their_zone(bot: Successors) -> None:
    """Machines compare them."""
    bot.ends(Result.FAILED)
    assert datetime.fromisoformat(bot.remembered[0]["last"]).tzinfo is not None


PAUSED: Final = "REPAIR_BACKOFF"


def test_instances_that_come_well_and_break_again_and_again_are_not_replaced_for_ever() -> None:
    """Each of them succeeds at first, which must not make the bot forget those before."""
    bot = Successors()
    bot.run.answer("cp")
    verdicts = []
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.CONVERGED)
        bot.ends(Result.FAILED, code=PAUSED, stage="gateway")
        verdicts.append(bot.verdict["verdict"])
    assert verdicts == ["ask", "ask", "hold"]
    # it recovers for a while, and breaks once more
    bot.ends(Result.CONVERGED)
    assert bot.verdict == {}
    bot.ends(Result.FAILED, code=PAUSED, stage="gateway")
    assert bot.verdict["verdict"] == "hold"


def test_a_success_forgets_the_other_errors_and_tells_it_once(bot: Successors) -> None:
    for name, code in (("first", PAUSED), ("second", FORBIDDEN)):
        bot.next_instance(name)
        bot.ends(Result.FAILED, code=code, stage="gateway")
    bot.next_instance("third")
    for _ in range(3):
        bot.ends(Result.CONVERGED)
    assert [one["code"] for one in bot.remembered] == [PAUSED]
    assert [event.kind for event in bot.told].count(Kind.FAILURES_FORGOTTEN) == 1


def test_who_holds_does_not_ask_again_when_the_others_are_long_ago(bot: Successors) -> None:
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    for _ in range(50):
        bot.clock.advance(HOUR)
        bot.ends(Result.FAILED)
        assert bot.verdict["verdict"] == "hold"
    # another error is another matter
    bot.ends(Result.FAILED, code="IMAGE_OOM", stage="image")
    assert bot.verdict["verdict"] == "ask"


def test_a_cause_that_shows_by_turns_does_not_go_on_without_end(bot: Successors) -> None:
    """A gateway that ends at each start is once GATEWAY_EXITED and once GATEWAY_NOT_READY."""
    codes = ["GATEWAY_EXITED", "GATEWAY_NOT_READY"] * 3
    verdicts = []
    for number, code in enumerate(codes):
        bot.next_instance(f"number {number}")
        bot.ends(Result.FAILED, code=code, stage="gateway")
        verdicts.append(bot.verdict["verdict"])
    assert verdicts == ["ask", "ask", "ask", "ask", "hold", "hold"]
    assert bot.verdict["failures"] == 6
    assert "6 instances in a row failed with GATEWAY_EXITED or GATEWAY_NOT_READY" in str(
        bot.verdict["reason"]
    )
    # nor does the turn itself lift it
    bot.ends(Result.FAILED, code=codes[0], stage="gateway")
    assert bot.verdict["verdict"] == "hold"


class _Defective(FakeFiles):
    """Something nobody thought of."""

    def read_text(self, path: Path) -> str | None:
        if "repair" in path.parts:
            msg = "surprise"
            raise ValueError(msg)
        return FakeFiles.read_text(self, path)


@pytest.mark.parametrize("result", [Result.FAILED, Result.CONVERGED])
def test_a_defect_here_does_not_keep_the_run_from_ending(result: Result) -> None:
    bot = Successors()
    bot.next_instance("first", files=_Defective)
    bot.ends(result)
    assert "ValueError: surprise" in bot.told[-1].data["text"]


def test_nor_a_defect_in_the_evidence(bot: Successors) -> None:
    def defect(_call: Call) -> None:
        msg = "surprise"
        raise ValueError(msg)

    bot.run = FakeRun()
    bot.run.effect("cp", act=defect)
    for name in ("first", "second", "third"):
        bot.next_instance(name)
        bot.ends(Result.FAILED)
    assert bot.told[-1].data["text"] == "evidence is not kept on the share: ValueError: surprise"
