"""Metrics, whose names are promises."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from clawbot_agent import __version__
from clawbot_agent.core.constants import HEALTH_PORT
from clawbot_agent.core.paths import (
    LEASE_FILE,
    REPLACEMENT_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
)
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.features.caddy.caddyfile import LIVE, caddyfile
from clawbot_agent.features.caddy.health import CaddyCheck
from clawbot_agent.features.gateway.health import ContainerCheck, GatewayCheck
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.features.lease.health import LeaseCheck
from clawbot_agent.features.share.health import TicketCheck
from clawbot_agent.health.app import health_pages
from clawbot_agent.health.azure_health import AzureHealth
from clawbot_agent.health.board import Board, Cache
from clawbot_agent.health.checks import DiskCheck, MemoryCheck, bot_watches
from clawbot_agent.health.metrics import FIGURES, PATH, Metrics, RecordReader
from clawbot_agent.health.refresh import Check, Watch, checked
from clawbot_agent.host.http import Answer, CertifiedAnswer
from clawbot_agent.records.ticket import TICKET, TicketRecord
from tests.fakes import FakeClock, FakeFiles, FakeGetJson, FakeRun, fake_host
from tests.support.error_refs import error_refs

DOCS: Final = Path(__file__).resolve().parents[3] / "docs/reference/metrics.md"
NOW: Final = FakeClock().now()
LATER: Final = NOW + timedelta(seconds=3600)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

NAMES: Final = {
    "clawbot_agent_info": "gauge",
    "clawbot_azure_state": "gauge",
    "clawbot_certificate_remaining_seconds": "gauge",
    "clawbot_component_since_timestamp_seconds": "gauge",
    "clawbot_component_state": "gauge",
    "clawbot_disk_free_bytes": "gauge",
    "clawbot_disk_size_bytes": "gauge",
    "clawbot_gateway_live": "gauge",
    "clawbot_gateway_ready": "gauge",
    "clawbot_gateway_restarts_total": "counter",
    "clawbot_health": "gauge",
    "clawbot_health_since_timestamp_seconds": "gauge",
    "clawbot_lease_heartbeat_age_seconds": "gauge",
    "clawbot_lease_generation": "gauge",
    "clawbot_lease_state": "gauge",
    "clawbot_memory_available_bytes": "gauge",
    "clawbot_memory_size_bytes": "gauge",
    "clawbot_replacement_failures": "gauge",
    "clawbot_replacement_verdict": "gauge",
    "clawbot_run_finished_timestamp_seconds": "gauge",
    "clawbot_run_result": "gauge",
    "clawbot_run_started_timestamp_seconds": "gauge",
    "clawbot_situation": "gauge",
    "clawbot_self_repair_last_timestamp_seconds": "gauge",
    "clawbot_self_repairs_failed_total": "counter",
    "clawbot_self_repairs_total": "counter",
    "clawbot_stage_attempts": "gauge",
    "clawbot_stage_duration_seconds": "gauge",
    "clawbot_stage_error_info": "gauge",
    "clawbot_stage_state": "gauge",
    "clawbot_ticket_remaining_seconds": "gauge",
}
"""A promise: dashboards and alerts are made of these."""

STATUS: Final = {
    "schema": 1,
    "instance_id": "abc",
    "boot_id": "b",
    "agent_version": "1",
    "result": "failed",
    "started": "2026-01-01T00:00:00.000+00:00",
    "finished": "2026-01-01T00:02:00.000+00:00",
    "stages": [
        {
            "name": "apt",
            "phase": "base",
            "state": "changed",
            "reason": "installed",
            "attempts": 2,
            "started": "2026-01-01T00:00:00.000+00:00",
            "seconds": 61.25,
            "error": None,
        },
        {
            "name": "share",
            "phase": "node",
            "state": "failed",
            "reason": "",
            "attempts": 1,
            "started": "2026-01-01T00:01:30.000+00:00",
            "seconds": 30.0,
            "error": {
                "code": "SHARE_PORT_BLOCKED",
                "message": "m",
                "hint": "h",
                "retryable": False,
            },
        },
        {
            "name": "state",
            "phase": "node",
            "state": "pending",
            "reason": "",
            "attempts": 0,
            "started": None,
            "seconds": None,
            "error": None,
        },
    ],
}
REPAIRS: Final = {
    "schema": 1,
    "repairs": {
        "gateway": {"count": 3, "failed": 1, "last": NOW.isoformat(), "last_result": "repaired"}
    },
}
SUSPENDED: Final = {
    "schema": 1,
    "verdict": "suspended",
    "code": "KEYVAULT_FORBIDDEN",
    "failures": 2,
    "window_hours": 24,
    "reason": "two instances in a row",
}


@dataclass
class Site:
    """A board and files, as `/metrics` shows them."""

    names: tuple[str, ...] = ("gateway", "lease", "disk")
    clock: FakeClock = field(default_factory=FakeClock)
    files: FakeFiles = field(default_factory=FakeFiles)

    def __post_init__(self) -> None:
        """Nothing checked yet."""
        self.cache = Cache(self.clock)
        for name in self.names:
            self.cache.expect(name, good_for=100)
        azure = AzureHealth()
        self.board = Board(
            cache=self.cache, names=self.names, clock=self.clock, followers=(azure.follow,)
        )
        self.records = RecordReader(self.clock)
        self.metrics = Metrics(board=self.board, records=self.records, azure=azure)

    def put(self, name: str, finding: Finding) -> None:
        """Store a finding, and renew the board."""
        self.cache.put(name, finding)
        self.board.renew()

    def write(self, path: Path, document: object) -> None:
        """Write a file, read all, and renew the board."""
        self.files.put(path, document if isinstance(document, str) else json.dumps(document))
        self.read()

    def read(self) -> None:
        """Read the files as the sidecar does."""
        found = checked(self.records.watch, fake_host(files=self.files, clock=self.clock))
        assert found.state is ComponentState.OK
        self.board.renew()

    def samples(self) -> Samples:
        """Return what Prometheus stores."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }

    def text(self) -> str:
        """Return the page."""
        answer = self.metrics.page()
        assert answer.status == 200
        return answer.body.decode()

    def one(self, name: str, **labels: str) -> float | None:
        """Return a single sample."""
        return self.samples().get((name, frozenset(labels.items())))

    def which(self, name: str, label: str, **labels: str) -> set[str]:
        """Return the values of `label` whose sample is 1."""
        return {
            dict(found)[label]
            for (sample, found), value in self.samples().items()
            if sample == name and value == 1 and labels.items() <= dict(found).items()
        }


@pytest.fixture
def site() -> Site:
    return Site()


def every_finding() -> Iterable[tuple[str, Finding]]:
    """Return the real findings on a machine where everything has a figure."""
    files, run = FakeFiles(), FakeRun()
    files.put(LIVE, caddyfile(domain="bot.example.org", email=None).text)
    files.put("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n")
    TICKET.save(files, TicketRecord(LATER, None, NOW, None))
    files.put(LEASE_FILE, json.dumps(lease_report("held")))
    text = "LoadState=loaded\nActiveState=active\nNRestarts=2"
    run.answer("systemctl", "show", "clawbot-gateway.service", stdout=text)

    def secure(domain: str, path: str, *, timeout: float) -> CertifiedAnswer:
        del domain, path, timeout
        return CertifiedAnswer(Answer(200, {"ok": True}), NOW + timedelta(days=60))

    get_json = FakeGetJson({READY_URL: [Answer(200, {"ready": True})]})
    host = fake_host(files=files, run=run, get_json=get_json)
    checks: dict[str, Check] = {
        "gateway": GatewayCheck(),
        "container": ContainerCheck(),
        "lease": LeaseCheck(),
        "caddy": CaddyCheck(secure=secure),
        "disk": DiskCheck(),
        "memory": MemoryCheck(),
        "ticket": TicketCheck(),
    }
    return [(name, check(host)) for name, check in checks.items()]


def lease_report(state: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "state": state,
        "generation": 7,
        "holder": None,
        "suspects": [],
        "waiting_for": None,
        "silent_seconds": 0,
        "last_heartbeat": (NOW - timedelta(seconds=4)).isoformat(),
        "problem": "",
        "updated": NOW.isoformat(),
    }


def everything() -> Site:
    site = Site(names=tuple(watch.name for watch in bot_watches()))
    for name, finding in every_finding():
        site.cache.put(name, finding)
    site.write(STATUS_FILE, STATUS)
    site.write(SELF_REPAIRS_FILE, REPAIRS)
    site.write(REPLACEMENT_FILE, SUSPENDED)
    return site


def test_metric_names_are_a_promise() -> None:
    found = dict(re.findall(r"^# TYPE (\S+) (\S+)$", everything().text(), re.MULTILINE))
    assert found == NAMES


def test_each_name_is_explained_in_the_docs() -> None:
    explained = set(re.findall(r"^\| `(clawbot_\w+)`", DOCS.read_text(), re.MULTILINE))
    assert explained == NAMES.keys()


def test_each_figure_of_a_finding_becomes_a_metric() -> None:
    found = {(name, figure) for name, finding in every_finding() for figure in finding.figures}
    assert found == FIGURES.keys()


def test_figure_keeps_its_value() -> None:
    site = everything()
    assert site.one("clawbot_gateway_restarts_total") == 2
    assert site.one("clawbot_lease_heartbeat_age_seconds") == 4
    assert site.one("clawbot_lease_generation") == 7
    assert site.one("clawbot_ticket_remaining_seconds") == 3600
    assert site.one("clawbot_certificate_remaining_seconds") == 60 * 86400
    assert site.one("clawbot_memory_available_bytes") == 2_000_000 * 1024


@pytest.mark.parametrize("state", ["held", "waiting", "lost", "released"])
def test_lease_has_one_state(site: Site, state: str) -> None:
    site.files.put(LEASE_FILE, json.dumps(lease_report(state)))
    site.put("lease", LeaseCheck()(fake_host(files=site.files, clock=site.clock)))
    assert site.which("clawbot_lease_state", "state") == {state}


def test_overall_status_and_each_component_have_one_state(site: Site) -> None:
    site.put("gateway", Finding(ComponentState.FAILED, "no answer"))
    site.put("disk", Finding(ComponentState.WARNING, "little free space"))
    assert site.which("clawbot_health", "status") == {"unhealthy"}
    found = {
        name: site.which("clawbot_component_state", "state", component=name) for name in site.names
    }
    assert found == {"gateway": {"failed"}, "lease": {"pending"}, "disk": {"warning"}}
    # other states are 0, so that an alert can distinguish "not failed" from "unknown"
    assert site.one("clawbot_component_state", component="disk", state="failed") == 0


def test_since_is_in_unix_time(site: Site) -> None:
    site.clock.advance(90)
    site.put("gateway", Finding(ComponentState.OK, "ready"))
    site.clock.advance(5)
    site.board.renew()
    name = "clawbot_component_since_timestamp_seconds"
    assert site.one(name, component="gateway") == NOW.timestamp() + 90


def test_unknown_component_has_no_figures(site: Site) -> None:
    """An old number would look like a present one."""
    site.put("gateway", Finding(ComponentState.OK, "ready", {"live": 1, "ready": 1}))
    assert site.one("clawbot_gateway_ready") == 1
    site.clock.advance(101)
    site.board.renew()
    assert site.one("clawbot_gateway_ready") is None
    assert site.which("clawbot_component_state", "state", component="gateway") == {"unknown"}


def test_last_run_and_its_stages(site: Site) -> None:
    site.write(STATUS_FILE, STATUS)
    assert site.which("clawbot_run_result", "result") == {"failed"}
    assert site.one("clawbot_run_started_timestamp_seconds") == NOW.timestamp()
    assert site.one("clawbot_run_finished_timestamp_seconds") == NOW.timestamp() + 120
    assert site.which("clawbot_stage_state", "state", stage="apt") == {"changed"}
    assert site.which("clawbot_stage_state", "state", stage="state") == {"pending"}
    assert site.one("clawbot_stage_attempts", stage="apt") == 2
    name = "clawbot_stage_duration_seconds"
    assert site.one(name, stage="apt", phase="base") == 61.25
    assert site.one(name, stage="state", phase="node") is None
    errors = site.which("clawbot_stage_error_info", "code")
    assert errors == {"SHARE_PORT_BLOCKED"}


def test_run_under_way_has_no_end(site: Site) -> None:
    site.write(STATUS_FILE, {**STATUS, "result": "running", "finished": None})
    assert site.which("clawbot_run_result", "result") == {"running"}
    assert site.one("clawbot_run_finished_timestamp_seconds") is None


def test_self_repairs_are_counted(site: Site) -> None:
    site.write(SELF_REPAIRS_FILE, REPAIRS)
    assert site.one("clawbot_self_repairs_total", what="gateway") == 3
    assert site.one("clawbot_self_repairs_failed_total", what="gateway") == 1
    name = "clawbot_self_repair_last_timestamp_seconds"
    assert site.one(name, what="gateway") == NOW.timestamp()


def test_verdict_on_replacement(site: Site) -> None:
    assert site.which("clawbot_replacement_verdict", "verdict") == {"allowed"}
    assert site.one("clawbot_replacement_failures", code="KEYVAULT_FORBIDDEN") is None
    site.write(REPLACEMENT_FILE, SUSPENDED)
    assert site.which("clawbot_replacement_verdict", "verdict") == {"suspended"}
    assert site.one("clawbot_replacement_failures", code="KEYVAULT_FORBIDDEN") == 2


def test_suspended_replacement_is_shown_beside_the_state_for_azure() -> None:
    site = Site(names=("gateway", "caddy", "run"))
    assert site.which("clawbot_situation", "situation") == {"checking"}
    assert site.which("clawbot_azure_state", "state") == {"Initializing"}
    site.put("caddy", Finding(ComponentState.OK, "up"))
    site.put(
        "run", Finding(ComponentState.FAILED, "failed", errors=error_refs("KEYVAULT_FORBIDDEN"))
    )
    site.put("gateway", Finding(ComponentState.FAILED, "no answer"))
    assert site.which("clawbot_health", "status") == {"unhealthy"}
    assert site.which("clawbot_situation", "situation") == {"replacement-suspended"}
    assert site.which("clawbot_azure_state", "state") == {"Healthy"}


def test_first_boot_has_neither_run_nor_repairs(site: Site) -> None:
    site.read()
    names = {name for name, _ in site.samples()}
    assert names == {
        "clawbot_agent_info",
        "clawbot_azure_state",
        "clawbot_situation",
        "clawbot_component_since_timestamp_seconds",
        "clawbot_component_state",
        "clawbot_health",
        "clawbot_health_since_timestamp_seconds",
        "clawbot_replacement_verdict",
    }
    assert site.one("clawbot_agent_info", version=__version__) == 1


@pytest.mark.parametrize("path", [STATUS_FILE, SELF_REPAIRS_FILE, REPLACEMENT_FILE])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"schema": 2}',
        '{"schema": 1}',
        '{"schema": 1, "stages": 1, "repairs": 1, "verdict": 1, "code": {}, "failures": "many"}',
        '{"schema": 1, "repairs": {"gateway": {"count": null}}, "failures": null}',
    ],
)
def test_damaged_file_costs_its_own_numbers_only(site: Site, path: Path, text: str) -> None:
    site.read()
    before = site.samples()
    site.write(path, text)
    assert site.samples() == before


def test_files_that_cannot_be_read_any_more_have_no_numbers(site: Site) -> None:
    """Else a disk that hangs would look like a run that stays the last one."""
    site.write(STATUS_FILE, STATUS)
    site.clock.advance(60)
    site.board.renew()
    assert site.which("clawbot_run_result", "result") == set()


def test_one_text_is_made_for_one_snapshot(site: Site) -> None:
    first = site.metrics.page().body
    assert site.metrics.page().body is first
    site.board.renew()
    assert site.metrics.page().body is not first


def test_stale_board_is_a_target_that_is_down(site: Site) -> None:
    site.clock.advance(16)
    assert site.metrics.page().status == 503


def test_content_type_is_the_one_for_prometheus(site: Site) -> None:
    assert site.metrics.page().kind == "text/plain; version=0.0.4; charset=utf-8"


def test_label_cannot_break_the_text(site: Site) -> None:
    name = 'a"b\\c\nd'
    repair = REPAIRS["repairs"]["gateway"]  # type: ignore[index]
    site.write(SELF_REPAIRS_FILE, {"schema": 1, "repairs": {name: repair}})
    assert site.one("clawbot_self_repairs_total", what=name) == 3


def test_names_of_pages_and_watches_are_unique() -> None:
    site = Site()
    assert PATH not in health_pages(site.board)
    assert isinstance(site.records.watch, Watch)
    assert site.records.watch.name not in {watch.name for watch in bot_watches()}


@pytest.mark.parametrize("domain", [None, "bot.example.org"])
def test_caddy_does_not_proxy_metrics(domain: str | None) -> None:
    """Caddy requests fixed paths from the sidecar, and this is none of them."""
    lines = caddyfile(domain=domain, email=None).text.splitlines()
    asking = [at for at, line in enumerate(lines) if f"127.0.0.1:{HEALTH_PORT}" in line]
    paths = {only_path(lines, at) for at in asking}
    assert paths
    assert all(re.fullmatch(r"/[\w./-]+", path) for path in paths)
    assert PATH not in paths


def only_path(lines: list[str], at: int) -> str:
    """Return the only path that the proxy in this line requests."""
    match lines[at - 1].split():
        case ["rewrite", "*", path]:
            return path.removesuffix("?")
        case ["handle", matcher, "{"]:
            found = [line.split() for line in lines if line.split()[:1] == [matcher]]
            assert [rule[1] for rule in found] == ["path"]
            return " ".join(found[0][2:])
    pytest.fail(f"the proxy passes any path: {lines[at - 1]}")
