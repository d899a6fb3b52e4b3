"""A plan is a run without its actions, and reports the same."""

from dataclasses import dataclass
from typing import Any

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.planner import plan_stages
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.host import Host
from clawbot_agent.records.output import PlanReport, PlanVerdict
from clawbot_agent.records.record import document
from tests.fakes.config import a_config
from tests.fakes.host import fake_host

CONFIG = a_config()


class _BrokenError(ClawbotError):
    """It is broken."""

    code = "BROKEN"


@dataclass(frozen=True, slots=True)
class _Never:
    summary: str

    def apply(self, host: Host) -> None:
        del host
        msg = "a plan must not act"
        raise AssertionError(msg)


def _stage(called: str, outcome: Plan | ClawbotError, *, skip: str | None = None) -> Stage[Any]:
    class Made(Stage[None]):
        name = called
        title = called
        phase = Phase.NODE

        def probe(self, host: Host, config: BotConfig) -> None:
            del host, config
            if isinstance(outcome, ClawbotError):
                raise outcome

        def plan(self, facts: None, config: BotConfig) -> Plan:
            del facts, config
            assert isinstance(outcome, Plan)
            return outcome

        def skip_reason(self, config: BotConfig) -> str | None:
            del config
            return skip

    return Made()


def test_each_stage_gets_a_verdict_without_any_change() -> None:
    host = fake_host()
    stages = (
        _stage("done", Plan("all there")),
        _stage("todo", Plan("x", (_Never("install jq"), _Never("start it")))),
        _stage("off", Plan("x"), skip="switched off"),
        _stage("bad", _BrokenError("cannot tell", hint="look")),
    )
    done, todo, off, bad = plan_stages(stages, host=host, config=CONFIG)
    assert (done.verdict, done.reason) == (PlanVerdict.UNCHANGED, "all there")
    assert (todo.verdict, todo.actions) == (PlanVerdict.CHANGE, ("install jq", "start it"))
    assert (off.verdict, off.reason) == (PlanVerdict.SKIPPED, "switched off")
    assert bad.verdict is PlanVerdict.UNKNOWN
    assert bad.error is not None
    assert (bad.error.code, bad.error.hint) == ("BROKEN", "look")


def test_plan_contains_no_secret() -> None:
    host = fake_host()
    host.redactor.add(Secret("hunter2-hunter2"))
    plan = Plan("x", (_Never("write hunter2-hunter2"),))
    (planned,) = plan_stages((_stage("s", plan),), host=host, config=CONFIG)
    assert "hunter2" not in repr(planned)


def test_keys_of_the_document_are_fixed() -> None:
    plans = plan_stages((_stage("s", Plan("ok")),), host=fake_host(), config=CONFIG)
    assert document(PlanReport(plans)) == {
        "schema": 1,
        "stages": [
            {
                "name": "s",
                "phase": "node",
                "verdict": "unchanged",
                "reason": "ok",
                "actions": [],
                "error": None,
            }
        ],
    }
