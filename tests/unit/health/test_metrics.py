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
    REPAIR_FILE,
    SELF_REPAIRS_FILE,
    STATUS_FILE,
    TICKET_FILE,
)
from clawbot_agent.features.caddy.caddyfile import LIVE, caddyfile
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.health.app import health_pages
from clawbot_agent.health.azure_health import AzureHealth
from clawbot_agent.health.cache import Cache
from clawbot_agent.health.checks.caddy import Caddy
from clawbot_agent.health.checks.gateway import Gateway
from clawbot_agent.health.checks.lease import Lease
from clawbot_agent.health.checks.resources import Disk, Memory
from clawbot_agent.health.checks.ticket import Ticket
from clawbot_agent.health.checks.unit import Container
from clawbot_agent.health.finding import Finding, State
from clawbot_agent.health.metrics import FIGURES, PATH, Metrics
from clawbot_agent.health.records import RecordReader
from clawbot_agent.health.refresh import Check, Watch, look
from clawbot_agent.health.snapshot import Board
from clawbot_agent.health.watches import bot_watches
from clawbot_agent.host.http import Answer
from clawbot_agent.host.https import CertifiedAnswer
from tests.fakes import FakeClock, FakeFiles, FakeGetJson, FakeRun, fake_host
from tests.support.error_refs import error_refs

DOCS: Final = Path(__file__).resolve().parents[3] / "docs/reference/metrics.md"
NOW: Final = FakeClock().now()
LATER: Final = (NOW + timedelta(seconds=3600)).isoformat()
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

NAMES: Final = {
    "clawbot_agent_info": "gauge",
    "clawbot_azure_state": "gauge",
    "clawbot_certificate_left_seconds": "gauge",
    "clawbot_component_since_timestamp_seconds": "gauge",
    "clawbot_component_state": "gauge",
    "clawbot_disk_free_bytes": "gauge",
    "clawbot_disk_size_bytes": "gauge",
    "clawbot_gateway_live": "gauge",
    "clawbot_gateway_ready": "gauge",
    "clawbot_gateway_restarts_total": "counter",
    "clawbot_health": "gauge",
    "clawbot_health_since_timestamp_seconds": "gauge",
    "clawbot_lease_beat_age_seconds": "gauge",
    "clawbot_lease_generation": "gauge",
    "clawbot_lease_state": "gauge",
    "clawbot_memory_available_bytes": "gauge",
    "clawbot_memory_size_bytes": "gauge",
    "clawbot_repair_failures": "gauge",
    "clawbot_repair_verdict": "gauge",
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
    "clawbot_ticket_left_seconds": "gauge",
}
"""A promise: dashboards and alerts are made of these."""

STATUS: Final = {
    "schema": 1,
    "instance_id": "abc",
    "boot_id": "b",
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
            "error": {"code": "SHARE_PORT_BLOCKED", "message": "m", "hint": "h"},
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
HOLD: Final = {
    "schema": 1,
    "verdict": "hold",
    "code": "KEYVAULT_FORBIDDEN",
    "failures": 2,
    "window_hours": 24,
    "reason": "two instances in a row",
}


@dataclass
class Site:
    """A board and files, as `/metrics` tells of them."""

    names: tuple[str, ...] = ("gateway", "lease", "disk")
    clock: FakeClock = field(default_factory=FakeClock)
    files: FakeFiles = field(default_factory=FakeFiles)

    def __post_init__(self) -> None:
        """Nothing looked at yet."""
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
        """Have a component looked at, and the board renewed."""
        self.cache.put(name, finding)
        self.board.renew()

    def write(self, path: Path, document: object) -> None:
        """Leave a file, have the files read, and the board renewed."""
        self.files.put(path, document if isinstance(document, str) else json.dumps(document))
        self.read()

    def read(self) -> None:
        """Have the files read as the sidecar has it."""
        found = look(self.records.watch, fake_host(files=self.files, clock=self.clock))
        assert found.state is State.OK
        self.board.renew()

    def samples(self) -> Samples:
        """What Prometheus would store."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }

    def text(self) -> str:
        """The page."""
        answer = self.metrics.page()
        assert answer.status == 200
        return answer.body.decode()

    def one(self, name: str, **labels: str) -> float | None:
        """A single sample."""
        return self.samples().get((name, frozenset(labels.items())))

    def which(self, name: str, label: str, **labels: str) -> set[str]:
        """The values of `label` whose sample is 1."""
        return {
            dict(found)[label]
            for (sample, found), value in self.samples().items()
            if sample == name and value == 1 and labels.items() <= dict(found).items()
        }


@pytest.fixture
def site() -> Site:
    return Site()


def every_finding() -> Iterable[tuple[str, Finding]]:
    """What the real looks find on a machine where everything has a figure."""
    files, run = FakeFiles(), FakeRun()
    files.put(LIVE, caddyfile(domain="bot.example.org", email=None).text)
    files.put("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n")
    files.put(TICKET_FILE, json.dumps({"end": LATER, "error": None}))
    files.put(LEASE_FILE, json.dumps(lease_report("held")))
    text = "LoadState=loaded\nActiveState=active\nNRestarts=2"
    run.answer("systemctl", "show", "clawbot-gateway.service", stdout=text)

    def secure(domain: str, path: str, *, timeout: float) -> CertifiedAnswer:
        del domain, path, timeout
        return CertifiedAnswer(Answer(200, {"ok": True}), NOW + timedelta(days=60))

    get_json = FakeGetJson({READY_URL: [Answer(200, {"ready": True})]})
    host = fake_host(files=files, run=run, get_json=get_json)
    checks: dict[str, Check] = {
        "gateway": Gateway(),
        "container": Container(),
        "lease": Lease(),
        "caddy": Caddy(secure=secure),
        "disk": Disk(),
        "memory": Memory(),
        "ticket": Ticket(),
    }
    return [(name, check(host)) for name, check in checks.items()]


def lease_report(state: str) -> dict[str, Any]:
    return {
        "state": state,
        "generation": 7,
        "holder": None,
        "suspects": [],
        "waiting_for": None,
        "quiet_seconds": 0,
        "last_beat": (NOW - timedelta(seconds=4)).isoformat(),
        "problem": "",
        "updated": NOW.isoformat(),
    }


def everything() -> Site:
    site = Site(names=tuple(watch.name for watch in bot_watches()))
    for name, finding in every_finding():
        site.cache.put(name, finding)
    site.write(STATUS_FILE, STATUS)
    site.write(SELF_REPAIRS_FILE, REPAIRS)
    site.write(REPAIR_FILE, HOLD)
    return site


def test_the_names_are_a_promise() -> None:
    found = dict(re.findall(r"^# TYPE (\S+) (\S+)$", everything().text(), re.MULTILINE))
    assert found == NAMES


def test_each_name_is_explained_in_the_docs() -> None:
    told = set(re.findall(r"^\| `(clawbot_\w+)`", DOCS.read_text(), re.MULTILINE))
    assert told == NAMES.keys()


def test_each_figure_that_a_look_finds_becomes_a_metric() -> None:
    found = {(name, figure) for name, finding in every_finding() for figure in finding.figures}
    assert found == FIGURES.keys()


def test_a_figure_keeps_its_value() -> None:
    site = everything()
    assert site.one("clawbot_gateway_restarts_total") == 2
    assert site.one("clawbot_lease_beat_age_seconds") == 4
    assert site.one("clawbot_lease_generation") == 7
    assert site.one("clawbot_ticket_left_seconds") == 3600
    assert site.one("clawbot_certificate_left_seconds") == 60 * 86400
    assert site.one("clawbot_memory_available_bytes") == 2_000_000 * 1024


@pytest.mark.parametrize("state", ["held", "waiting", "lost", "released"])
def test_the_lease_has_one_state(site: Site, state: str) -> None:
    site.files.put(LEASE_FILE, json.dumps(lease_report(state)))
    site.put("lease", Lease()(fake_host(files=site.files, clock=site.clock)))
    assert site.which("clawbot_lease_state", "state") == {state}


def test_health_is_one_word_and_one_state_for_each_component(site: Site) -> None:
    site.put("gateway", Finding(State.FAILED, "no answer"))
    site.put("disk", Finding(State.WARNING, "little room"))
    assert site.which("clawbot_health", "status") == {"unhealthy"}
    found = {
        name: site.which("clawbot_component_state", "state", component=name) for name in site.names
    }
    assert found == {"gateway": {"failed"}, "lease": {"pending"}, "disk": {"warning"}}
    # the others are there with 0, so that an alert can tell "not failed" from "not known"
    assert site.one("clawbot_component_state", component="disk", state="failed") == 0


def test_since_is_a_moment_in_unix_time(site: Site) -> None:
    site.clock.advance(90)
    site.put("gateway", Finding(State.OK, "ready"))
    site.clock.advance(5)
    site.board.renew()
    name = "clawbot_component_since_timestamp_seconds"
    assert site.one(name, component="gateway") == NOW.timestamp() + 90


def test_a_component_that_is_no_longer_seen_has_no_figures(site: Site) -> None:
    """An old number would look like a present one."""
    site.put("gateway", Finding(State.OK, "ready", {"live": 1, "ready": 1}))
    assert site.one("clawbot_gateway_ready") == 1
    site.clock.advance(101)
    site.board.renew()
    assert site.one("clawbot_gateway_ready") is None
    assert site.which("clawbot_component_state", "state", component="gateway") == {"unknown"}


def test_the_last_run_and_its_stages(site: Site) -> None:
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


def test_a_run_under_way_has_not_finished(site: Site) -> None:
    site.write(STATUS_FILE, {**STATUS, "result": "running", "finished": None})
    assert site.which("clawbot_run_result", "result") == {"running"}
    assert site.one("clawbot_run_finished_timestamp_seconds") is None


def test_self_repairs_are_counted(site: Site) -> None:
    site.write(SELF_REPAIRS_FILE, REPAIRS)
    assert site.one("clawbot_self_repairs_total", what="gateway") == 3
    assert site.one("clawbot_self_repairs_failed_total", what="gateway") == 1
    name = "clawbot_self_repair_last_timestamp_seconds"
    assert site.one(name, what="gateway") == NOW.timestamp()


def test_the_verdict_about_replacement(site: Site) -> None:
    assert site.which("clawbot_repair_verdict", "verdict") == {"ask"}
    assert site.one("clawbot_repair_failures", code="KEYVAULT_FORBIDDEN") is None
    site.write(REPAIR_FILE, HOLD)
    assert site.which("clawbot_repair_verdict", "verdict") == {"hold"}
    assert site.one("clawbot_repair_failures", code="KEYVAULT_FORBIDDEN") == 2


def test_a_held_bot_is_told_as_such_beside_what_azure_hears() -> None:
    site = Site(names=("gateway", "caddy", "run"))
    assert site.which("clawbot_situation", "situation") == {"looking"}
    assert site.which("clawbot_azure_state", "state") == {"Initializing"}
    site.put("caddy", Finding(State.OK, "up"))
    site.put("run", Finding(State.FAILED, "failed", errors=error_refs("KEYVAULT_FORBIDDEN")))
    site.put("gateway", Finding(State.FAILED, "no answer"))
    assert site.which("clawbot_health", "status") == {"unhealthy"}
    assert site.which("clawbot_situation", "situation") == {"held"}
    assert site.which("clawbot_azure_state", "state") == {"Healthy"}


def test_a_first_boot_has_neither_run_nor_repairs(site: Site) -> None:
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
        "clawbot_repair_verdict",
    }
    assert site.one("clawbot_agent_info", version=__version__) == 1


@pytest.mark.parametrize("path", [STATUS_FILE, SELF_REPAIRS_FILE, REPAIR_FILE])
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
def test_a_file_of_another_shape_costs_its_own_numbers_only(
    site: Site, path: Path, text: str
) -> None:
    site.read()
    before = site.samples()
    site.write(path, text)
    assert site.samples() == before


def test_files_that_are_no_longer_read_have_no_numbers(site: Site) -> None:
    """A disk that hangs must not look like a run that is always the last one."""
    site.write(STATUS_FILE, STATUS)
    site.clock.advance(60)
    site.board.renew()
    assert site.which("clawbot_run_result", "result") == set()


def test_one_text_is_made_for_one_snapshot(site: Site) -> None:
    first = site.metrics.page().body
    assert site.metrics.page().body is first
    site.board.renew()
    assert site.metrics.page().body is not first


def test_a_board_that_nobody_renews_is_a_target_that_is_down(site: Site) -> None:
    site.clock.advance(16)
    assert site.metrics.page().status == 503


def test_the_kind_is_the_one_that_prometheus_reads(site: Site) -> None:
    assert site.metrics.page().kind == "text/plain; version=0.0.4; charset=utf-8"


def test_a_label_cannot_break_the_text(site: Site) -> None:
    name = 'a"b\\c\nd'
    repair = REPAIRS["repairs"]["gateway"]  # type: ignore[index]
    site.write(SELF_REPAIRS_FILE, {"schema": 1, "repairs": {name: repair}})
    assert site.one("clawbot_self_repairs_total", what=name) == 3


def test_no_watch_and_no_page_of_health_has_the_same_name() -> None:
    site = Site()
    assert PATH not in health_pages(site.board)
    assert isinstance(site.records.watch, Watch)
    assert site.records.watch.name not in {watch.name for watch in bot_watches()}


@pytest.mark.parametrize("domain", [None, "bot.example.org"])
def test_caddy_has_no_way_to_it(domain: str | None) -> None:
    """Whatever Caddy asks the sidecar for is one path that is written out, and none is this."""
    lines = caddyfile(domain=domain, email=None).text.splitlines()
    asking = [at for at, line in enumerate(lines) if f"127.0.0.1:{HEALTH_PORT}" in line]
    paths = {only_path(lines, at) for at in asking}
    assert paths
    assert all(re.fullmatch(r"/[\w./-]+", path) for path in paths)
    assert PATH not in paths


def only_path(lines: list[str], at: int) -> str:
    """The path with which the proxy in this line asks: rewritten to it, or matched by it alone."""
    match lines[at - 1].split():
        case ["rewrite", "*", path]:
            return path.removesuffix("?")
        case ["handle", matcher, "{"]:
            found = [line.split() for line in lines if line.split()[:1] == [matcher]]
            assert [rule[1] for rule in found] == ["path"]
            return " ".join(found[0][2:])
    pytest.fail(f"the sidecar gets any path: {lines[at - 1]}")
