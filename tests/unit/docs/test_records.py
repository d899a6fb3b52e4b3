"""The pages about documents, events, health, stages, units and files are complete and true."""

import dataclasses
import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.core import paths
from clawbot_agent.core.errors import FailureCause
from clawbot_agent.engine.events import Kind
from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.features.registry import all_stages
from clawbot_agent.health.azure_health import AzureHealth, AzureState, Situation
from clawbot_agent.health.board import Snapshot
from clawbot_agent.health.checks import bot_watches
from clawbot_agent.health.verdict import Component, Overall, judge
from clawbot_agent.records import output, run
from clawbot_agent.records.event import EventLine
from clawbot_agent.records.lease import LeaseReport, LeaseState
from clawbot_agent.records.replacement import ReplacementVerdict, Verdict
from clawbot_agent.records.shutdown import ShutdownPhase, ShutdownReport
from clawbot_controller.operations.observe import InstanceStatus, Status
from clawbot_controller.operations.reconcile import Action, Step
from tests.fakes import FakeClock, a_config
from tests.support.doc_blocks import ROOT
from tests.support.doc_tables import Page, code_spans, every_page, fenced
from tests.support.error_reference import PAGES, classes

NOW: Final = FakeClock().now()
SHUTDOWN_SOURCE: Final = ROOT / "agent/clawbot_agent/lifecycle/shutdown/daemon.py"


def keys_of(record: type[Any]) -> set[str]:
    """Return the keys of a record as JSON, without the schema's number."""
    names = {field.name for field in dataclasses.fields(record)}
    return names | set(getattr(record, "DERIVED", ()))


def snapshot() -> Snapshot:
    return Snapshot(judge(()), NOW, (), 0, NOW)


def custom_metrics() -> set[str]:
    health = AzureHealth()
    health.follow(snapshot())
    return set(json.loads(json.loads(health.body)["CustomMetrics"]))


COMPONENT: Final = Component("gateway", ComponentState.OK, "", NOW)


@pytest.mark.parametrize(
    ("page", "section", "first", "keys"),
    [
        ("status.md", "status.json", "key", keys_of(run.RunStatus)),
        ("status.md", "status.json", "key of a stage", keys_of(run.StageStatus)),
        ("status.md", "status.json", "key of an error", keys_of(run.StageError)),
        ("status.md", "events.jsonl", "key", keys_of(EventLine)),
        ("health.md", "/health", "key", set(snapshot().document())),
        ("health.md", "/health", "key of a component", set(COMPONENT.document())),
        ("health.md", "/health/azure", "key", custom_metrics()),
        ("health.md", "/progress.json", "key", keys_of(output.Progress)),
        ("health.md", "/progress.json", "key of a stage", keys_of(output.ProgressStage)),
        ("files.md", "replacement.json", "key", keys_of(ReplacementVerdict)),
        ("files.md", "lease.json", "key", keys_of(LeaseReport)),
        ("files.md", "scheduled-events.json", "key", keys_of(ShutdownReport)),
        ("files.md", "self-repairs.json", "key", keys_of(run.SelfRepair)),
        ("agent-cli.md", "plan", "key of a stage", keys_of(output.StagePlan)),
        ("agent-cli.md", "analyze", "key", keys_of(output.TimingReport)),
        ("agent-cli.md", "analyze", "key of a stage", keys_of(output.StageTiming)),
        ("controller-cli.md", "plan", "key of a step", keys_of(Step)),
        ("controller-cli.md", "status", "key", keys_of(Status)),
        ("controller-cli.md", "status", "key of an instance", keys_of(InstanceStatus)),
    ],
)
def test_table_has_exactly_the_keys(page: str, section: str, first: str, keys: set[str]) -> None:
    assert set(Page.of(page).table(section, first).names()) - {"schema"} == keys - {"schema"}


@pytest.mark.parametrize(
    ("section", "record"),
    [
        ("replacement.json", ReplacementVerdict),
        ("scheduled-events.json", ShutdownReport),
    ],
)
def test_example_has_exactly_the_keys(section: str, record: type[Any]) -> None:
    (example,) = fenced(Page.of("files.md").sections()[section], "json")
    assert json.loads(example).keys() == keys_of(record) | {"schema"}


@pytest.mark.parametrize(
    ("page", "section", "first", "key", "values"),
    [
        ("status.md", "status.json", "key", "result", run.Result),
        ("status.md", "status.json", "key of a stage", "state", run.StageState),
        ("status.md", "status.json", "key of an error", "cause", FailureCause),
        ("files.md", "lease.json", "key", "state", LeaseState),
        ("files.md", "replacement.json", "key", "verdict", Verdict),
        ("files.md", "scheduled-events.json", "key", "phase", ShutdownPhase),
        ("health.md", "/health", "key", "status", Overall),
        ("health.md", "/health", "key of a component", "state", ComponentState),
        ("health.md", "/progress.json", "key", "state", output.ProgressState),
        ("agent-cli.md", "plan", "key of a stage", "verdict", output.PlanVerdict),
        ("controller-cli.md", "plan", "key of a step", "action", Action),
        ("metrics.md", "Metrics", "metric", "clawbot_health", Overall),
        ("metrics.md", "Metrics", "metric", "clawbot_azure_state", AzureState),
        ("metrics.md", "Metrics", "metric", "clawbot_situation", Situation),
        ("metrics.md", "Metrics", "metric", "clawbot_component_state", ComponentState),
        ("metrics.md", "Metrics", "metric", "clawbot_lease_state", LeaseState),
        ("metrics.md", "Metrics", "metric", "clawbot_run_result", run.Result),
        ("metrics.md", "Metrics", "metric", "clawbot_stage_state", run.StageState),
        ("metrics.md", "Metrics", "metric", "clawbot_replacement_verdict", Verdict),
    ],
)
def test_values_of_a_key_are_those_of_the_code(
    page: str, section: str, first: str, key: str, values: type[StrEnum]
) -> None:
    row = Page.of(page).table(section, first).row(key)
    # beside a metric's values stand the names of its labels
    labels = {"status", "state", "component", "stage", "situation", "result", "verdict"}
    named = set(code_spans(row[1])) - (labels if first == "metric" else set())
    assert named == {one.value for one in values}


def test_situations_and_causes_are_those_of_the_code() -> None:
    table = Page.of("health.md").table("/health/azure", "situation")
    assert set(table.names()) == {one.value for one in Situation}
    explanation = Page("", (ROOT / "docs/explanation/health.md").read_text())
    causes = explanation.table("Why the second question is different", "failure cause")
    assert {row[0].strip("`"): row[2].startswith("yes") for row in causes.rows} == {
        one.value: one.replacement_helps for one in FailureCause
    }


def test_components_and_their_intervals_are_those_of_the_sidecar() -> None:
    rows = Page.of("health.md").table("Components", "name").rows
    assert [row[:2] for row in rows] == [
        (watch.name, f"{watch.every:.0f} s") for watch in bot_watches()
    ]


def test_events_are_those_of_the_code() -> None:
    source = SHUTDOWN_SOURCE.read_text()
    beside = {f"scheduled.{one}" for one in re.findall(r'"scheduled\.(\w+)"', source)}
    assert '"scheduled.{leave.phase}"' in source
    phases = {f"scheduled.{one}" for one in ShutdownPhase} - {
        "scheduled.watching",
        # announced
        "scheduled.draining",
    }
    documented = Page.of("status.md").table("events.jsonl", "event").names()
    assert sorted(documented) == sorted({*Kind, *beside, *phases})


def test_stages_are_those_of_the_registry() -> None:
    graph = all_stages()
    rows = Page.of("stages.md").table("Stages", "stage").rows
    assert {row[0].strip("`"): (row[1], row[2]) for row in rows} == {
        one.name: (one.phase.value, ", ".join(one.needs)) for one in graph.order
    }


def test_optional_stages_are_those_of_the_registry() -> None:
    config = a_config()
    (text,) = re.findall(r"\n\n(`[^|]*?)are optional: if one fails", Page.of("stages.md").text)
    optional = {one.name for one in all_stages().order if not one.required(config)}
    assert set(code_spans(text.replace("\n", " "))) - {"sysbox.required"} == optional


def test_units_are_those_of_the_project() -> None:
    files = {path.name: path.read_text() for path in (ROOT / "systemd").iterdir()}
    services = {name: text for name, text in files.items() if name.endswith(".service")}
    page = Page.of("units.md")
    rows = {row[0]: row for row in page.table("Units", "unit").rows}
    assert rows.keys() == services.keys()
    assert [name for name in files if name not in page.text and name not in rows] == []
    for name, text in services.items():
        (start,) = re.findall(r"^ExecStart=(?:/usr/local/bin/)?(.*)$", text, re.MULTILINE)
        for call in code_spans(rows[name][2]):
            if call.startswith("clawbot-agent"):
                assert start.startswith(call), name


def test_units_in_the_docs_exist() -> None:
    known = {path.name for path in (ROOT / "systemd").iterdir()}
    named = {
        (page.name, unit)
        for page in every_page()
        for unit in re.findall(r"\bclawbot-[a-z]+\.(?:service|timer)\b", page.text)
    }
    assert {one for one in named if one[1] not in known} == set()


def test_every_path_of_the_agent_is_in_the_page_of_files() -> None:
    text = Page.of("files.md").text
    found = [value for value in vars(paths).values() if isinstance(value, Path)]
    ours = [str(path) for path in found if "clawbot" in str(path)]
    assert len(ours) > 10
    assert [path for path in ours if path not in text] == []


ERRORS: Final = {cls.code for page in PAGES for cls in classes(page.package)}
# OpenClaw's codes, variables of the environment, a chain of iptables and a flag of open(2)
FOREIGN: Final = re.compile(r"CONTROL_UI_|CLAWBOT_|AZURE_(?:CLIENT|TENANT)_|O_EXCL")
CODE: Final = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]*\*?")


def unknown_codes(spans: Iterable[str]) -> list[str]:
    return [
        span
        for span in spans
        if CODE.fullmatch(span)
        and not FOREIGN.match(span)
        and not any(
            one.startswith(span.rstrip("*")) if span.endswith(("_", "*")) else one == span
            for one in ERRORS
        )
    ]


@pytest.mark.parametrize("page", every_page(), ids=lambda page: page.name)
def test_error_codes_in_the_docs_exist(page: Page) -> None:
    assert unknown_codes(code_spans(page.text)) == []


def test_unknown_error_code_is_found() -> None:
    spans = ["SHARE_HUNG", "SHARE_*", "APT_", "SHARE_HANGS", "SHARES_*", "BOT_NAME"]
    assert unknown_codes(spans) == ["SHARE_HANGS", "SHARES_*", "BOT_NAME"]
