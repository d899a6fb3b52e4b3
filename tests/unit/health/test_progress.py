"""The progress page and its document."""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Final

import pytest

from clawbot_agent.engine.finding import ComponentState
from clawbot_agent.features.caddy.caddyfile import caddyfile
from clawbot_agent.health.app import PROGRESS_MARK, PROGRESS_PATH, progress_pages
from clawbot_agent.health.board import Snapshot
from clawbot_agent.health.progress import ProgressPage, page, policy, progress_of
from clawbot_agent.health.verdict import Component, judge
from clawbot_agent.records.run import RunStatus
from tests.unit.report.test_progress import a_stage, a_status

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot(
    status: RunStatus | None,
    *,
    run: ComponentState = ComponentState.OK,
    gateway: ComponentState = ComponentState.OK,
    under_way: bool = False,
) -> Snapshot:
    figures = {"under_way": 1.0} if under_way else {}
    components = (
        Component("gateway", gateway, "why", NOW),
        Component("run", run, "why", NOW, figures, run=status),
    )
    return Snapshot(judge(components), NOW, components, 0, NOW)


@pytest.mark.parametrize(
    ("run", "under_way", "state"),
    [
        (ComponentState.STARTING, False, "running"),
        (ComponentState.OK, True, "running"),
        (ComponentState.OK, False, "failed"),
    ],
)
def test_run_is_under_way_while_its_lock_is_held(
    *, run: ComponentState, under_way: bool, state: str
) -> None:
    status = a_status("running", a_stage("apt"))
    assert progress_of(snapshot(status, run=run, under_way=under_way)).state == state


def test_bot_serves_when_the_gateway_is_ok() -> None:
    """The boot's run continues for a while after the gateway is up."""
    status = a_status("running", a_stage("apt"))
    assert progress_of(snapshot(status, run=ComponentState.STARTING)).serving is True
    assert progress_of(snapshot(status, gateway=ComponentState.FAILED)).serving is False


def test_machine_is_being_prepared_before_the_first_run() -> None:
    assert progress_of(snapshot(None, run=ComponentState.STARTING)).state == "preparing"


def test_document_is_served_where_the_page_fetches_it() -> None:
    progress = ProgressPage()
    progress.follow(snapshot(None))
    pages = progress_pages(progress)
    assert f'"{PROGRESS_PATH}"' in page()
    for path in (PROGRESS_PATH, "/progress.json"):
        assert json.loads(pages[path]().body)["schema"] == 1
    # Caddy and the sidecar use the same paths
    text = caddyfile(domain=None, email=None).text
    assert f"@document path {PROGRESS_PATH}\n" in text
    assert "rewrite * /progress?\n" in text
    assert "/progress" in pages


def test_page_recognizes_itself_by_a_header() -> None:
    headers = dict(progress_pages(ProgressPage())["/progress"]().headers)
    assert PROGRESS_MARK in headers
    assert f'"{PROGRESS_MARK}"' in page()


def test_policy_allows_only_the_pages_own_code() -> None:
    found = dict(part.split(" ", 1) for part in policy(page()).split("; "))
    assert found["default-src"] == "'none'"
    assert found["connect-src"] == "'self'"
    for kind in ("style", "script"):
        text = page().partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert found[f"{kind}-src"] == f"'sha256-{digest}'"


def test_page_loads_nothing_from_elsewhere() -> None:
    html = page()
    assert not re.search(r"https?://|//[a-z]", html.replace("<!doctype", ""))
    # the policy forbids these
    assert not re.search(r"\sstyle=|\son[a-z]+=|<img|<link", html)
