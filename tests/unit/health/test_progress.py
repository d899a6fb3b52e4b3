import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from clawbot_agent.features.caddy.caddyfile import caddyfile
from clawbot_agent.health.app import PROGRESS_MARK, PROGRESS_PATH, progress_pages
from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.progress import Progress, page, policy, progress_of
from clawbot_agent.health.snapshot import Snapshot
from clawbot_agent.health.verdict import judge
from tests.unit.report.test_progress import a_stage, a_status

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot(
    story: Mapping[str, Any] | None,
    *,
    run: State = State.OK,
    gateway: State = State.OK,
    under_way: bool = False,
) -> Snapshot:
    figures = {"under_way": 1.0} if under_way else {}
    components = (
        Component("gateway", gateway, "why", NOW),
        Component("run", run, "why", NOW, figures, story=story),
    )
    return Snapshot(judge(components), NOW, components, 0, NOW)


@pytest.mark.parametrize(
    ("run", "under_way", "state"),
    [(State.STARTING, False, "running"), (State.OK, True, "running"), (State.OK, False, "failed")],
)
def test_a_run_is_under_way_while_somebody_holds_its_lock(
    *, run: State, under_way: bool, state: str
) -> None:
    story = a_status("running", a_stage("apt"))
    assert progress_of(snapshot(story, run=run, under_way=under_way))["state"] == state


def test_whether_the_bot_serves_is_the_gateways_word() -> None:
    """The boot's run goes on for a while when the gateway is up already."""
    story = a_status("running", a_stage("apt"))
    assert progress_of(snapshot(story, run=State.STARTING))["serving"] is True
    assert progress_of(snapshot(story, gateway=State.FAILED))["serving"] is False


def test_without_a_run_of_this_boot_the_machine_is_being_prepared() -> None:
    assert progress_of(snapshot(None, run=State.STARTING))["state"] == "preparing"


def test_the_document_is_served_where_the_page_looks_for_it() -> None:
    progress = Progress()
    progress.follow(snapshot(None))
    pages = progress_pages(progress)
    assert f'"{PROGRESS_PATH}"' in page()
    for path in (PROGRESS_PATH, "/progress.json"):
        assert json.loads(pages[path]().body)["schema"] == 1
    # Caddy and the sidecar mean the same paths
    text = caddyfile(domain=None, email=None).text
    assert f"@document path {PROGRESS_PATH}\n" in text
    assert "rewrite * /progress?\n" in text
    assert "/progress" in pages


def test_the_page_knows_itself_by_a_header() -> None:
    headers = dict(progress_pages(Progress())["/progress"]().headers)
    assert PROGRESS_MARK in headers
    assert f'"{PROGRESS_MARK}"' in page()


def test_the_policy_allows_the_pages_own_code_and_nothing_else() -> None:
    found = dict(part.split(" ", 1) for part in policy(page()).split("; "))
    assert found["default-src"] == "'none'"
    assert found["connect-src"] == "'self'"
    for kind in ("style", "script"):
        text = page().partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert found[f"{kind}-src"] == f"'sha256-{digest}'"


def test_the_page_needs_nobody_else() -> None:
    html = page()
    assert not re.search(r"https?://|//[a-z]", html.replace("<!doctype", ""))
    # the policy would forbid these
    assert not re.search(r"\sstyle=|\son[a-z]+=|<img|<link", html)
