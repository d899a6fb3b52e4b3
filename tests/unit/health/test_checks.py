"""What each look makes of what it sees: tables."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.core.paths import LEASE_FILE, REPAIR_FILE, SCHEDULED_EVENTS_FILE, TICKET_FILE
from clawbot_agent.features.caddy.caddyfile import LIVE, caddyfile
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.health.checks.caddy import Caddy
from clawbot_agent.health.checks.events import Events
from clawbot_agent.health.checks.gateway import LIVE_URL, Gateway
from clawbot_agent.health.checks.lease import Lease
from clawbot_agent.health.checks.replacement import Repair
from clawbot_agent.health.checks.resources import Disk, Memory
from clawbot_agent.health.checks.ticket import Ticket
from clawbot_agent.health.checks.unit import Container
from clawbot_agent.health.finding import age_text
from clawbot_agent.host.http import Answer
from clawbot_agent.host.https import CertifiedAnswer
from clawbot_agent.host.space import Space
from clawbot_agent.lifecycle.shutdown.report import EventsReport, Phase
from tests.fakes import FakeFiles, FakeRun, fake_host
from tests.fakes.clock import FakeClock
from tests.fakes.net import FakeGetJson
from tests.support.error_refs import error_refs

NOW: Final = FakeClock().now()
LIVE_ANSWER: Final = Answer(200, {"ok": True, "status": "live"})
READY_ANSWER: Final = Answer(200, {"ready": True})
# the control UI answers so to every path that the gateway does not know
PAGE_ANSWER: Final = Answer(200, {}, "the answer is not JSON")
CADDY_URL: Final = "http://127.0.0.1/healthz"
HOLDER: Final = {"instance_id": "abc", "boot_id": "b", "host": "bot-1", "since": "then"}


def at(seconds: float) -> str:
    """A moment so many seconds from now."""
    return (NOW + timedelta(seconds=seconds)).isoformat()


# --- gateway ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ready", "live", "state", "reason"),
    [
        (READY_ANSWER, LIVE_ANSWER, "ok", "ready"),
        (Answer(503, {"ready": False}), LIVE_ANSWER, "failed", "alive, not ready: /readyz answers"),
        (PAGE_ANSWER, PAGE_ANSWER, "failed", "/readyz answers 200 without"),
        (None, None, "failed", "ConnectionRefusedError"),
        (Answer(0, {}, "TimeoutError: timed out"), None, "failed", "TimeoutError: timed out"),
    ],
)
def test_gateway(ready: Answer | None, live: Answer | None, state: str, reason: str) -> None:
    answers = {READY_URL: [ready] if ready else [], LIVE_URL: [live] if live else []}
    found = Gateway()(fake_host(get_json=FakeGetJson(answers)))
    assert found.state == state
    assert found.reason.startswith(reason)


# --- container ----------------------------------------------------------------------


def shown(**properties: str) -> str:
    return "\n".join(f"{name}={value}" for name, value in properties.items())


@pytest.mark.parametrize(
    ("unit", "state", "reason"),
    [
        ({"LoadState": "not-found"}, "absent", "clawbot-gateway.service is not installed"),
        ({"ActiveState": "active"}, "ok", "clawbot-gateway.service is active"),
        (
            {"ActiveState": "active", "NRestarts": "2"},
            "ok",
            "clawbot-gateway.service is active, restarted 2 times",
        ),
        (
            {"ActiveState": "activating", "SubState": "start-pre"},
            "starting",
            "clawbot-gateway.service starts",
        ),
        (
            {
                "ActiveState": "activating",
                "SubState": "auto-restart",
                "ExecMainStatus": "137",
                "Result": "exit-code",
            },
            "warning",
            (
                "clawbot-gateway.service waits for a restart "
                "(result exit-code, its process ended with 137)"
            ),
        ),
        (
            {"ActiveState": "failed", "ExecMainStatus": "78", "Result": "exit-code"},
            "failed",
            "clawbot-gateway.service is failed (result exit-code, its process ended with 78)",
        ),
        (
            {"ActiveState": "inactive"},
            "failed",
            "clawbot-gateway.service is inactive (result success, its process ended with 0)",
        ),
    ],
)
def test_container(unit: dict[str, str], state: str, reason: str) -> None:
    run = FakeRun()
    text = shown(**{"LoadState": "loaded", "NRestarts": "0", **unit})
    run.answer("systemctl", "show", "clawbot-gateway.service", stdout=text)
    found = Container()(fake_host(run=run))
    assert (found.state, found.reason) == (state, reason)


# --- lease --------------------------------------------------------------------------


def lease(**changes: Any) -> str:  # noqa: ANN401 - as in the JSON file
    document = {
        "schema": 1,
        "state": "held",
        "generation": 7,
        "holder": HOLDER,
        "clean": True,
        "suspects": [],
        "waiting_for": None,
        "quiet_seconds": 0,
        "last_beat": at(-8),
        "problem": "",
        "updated": at(-2),
    }
    return json.dumps({**document, **changes})


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (None, "absent", "no lease on this instance"),
        ("{", "unknown", f"{LEASE_FILE} is not what the lease's daemon writes"),
        (lease(), "ok", "generation 7 is held; the share answers"),
        (lease(last_beat=None), "ok", "generation 7 is held"),
        (
            lease(last_beat=at(-40), problem="the share does not answer"),
            "warning",
            (
                "generation 7 is held, but the share has not answered for 40 s; "
                "the share does not answer"
            ),
        ),
        (
            lease(state="waiting", waiting_for=HOLDER, quiet_seconds=12),
            "failed",
            "waits for bot-1 (instance abc), quiet for 12 s",
        ),
        (lease(state="lost"), "failed", "generation 7 is lost"),
        (lease(state="released"), "failed", "given back"),
        (lease(updated=at(-31)), "unknown", "the lease's daemon last spoke 31 s ago"),
    ],
)
def test_lease(text: str | None, state: str, reason: str) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(LEASE_FILE, text)
    found = Lease()(fake_host(files=files))
    assert (found.state, found.reason) == (state, reason)


# --- caddy --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (LIVE_ANSWER, "ok", "passes requests on to the gateway"),
        (
            Answer(503, {"ok": False, "status": "unavailable"}),
            "ok",
            "up; the gateway behind it is not",
        ),
        (PAGE_ANSWER, "failed", "answers 200: the answer is not JSON"),
        (Answer(404, {"x": 1}), "failed", "answers 404: the answer is not the gateway's"),
        (None, "failed", "ConnectionRefusedError: [Errno 111] Connection refused"),
    ],
)
def test_caddy_on_plain_http(answer: Answer | None, state: str, reason: str) -> None:
    files = FakeFiles()
    files.put(LIVE, caddyfile(domain=None, email=None).text)
    answers = FakeGetJson({CADDY_URL: [answer] if answer else []})
    found = Caddy()(fake_host(files=files, get_json=answers))
    assert (found.state, found.reason) == (state, reason)


@pytest.mark.parametrize(
    ("answer", "days", "state", "reason"),
    [
        (LIVE_ANSWER, 60, "ok", "passes requests on to the gateway"),
        (
            LIVE_ANSWER,
            10,
            "warning",
            "the certificate of bot.example.org ends in 10 days and is not renewed",
        ),
        (Answer(0, {}, "certificate: expired"), None, "failed", "certificate: expired"),
        (PAGE_ANSWER, 10, "failed", "answers 200: the answer is not JSON"),
    ],
)
def test_caddy_with_a_domain(answer: Answer, days: int | None, state: str, reason: str) -> None:
    files = FakeFiles()
    files.put(LIVE, caddyfile(domain="bot.example.org", email=None).text)
    end = None if days is None else NOW + timedelta(days=days)
    asked: list[tuple[str, str]] = []

    def secure(domain: str, path: str, *, timeout: float) -> CertifiedAnswer:
        del timeout
        asked.append((domain, path))
        return CertifiedAnswer(answer, end)

    found = Caddy(secure=secure)(fake_host(files=files))
    assert (found.state, found.reason) == (state, reason)
    assert asked == [("bot.example.org", "/healthz")]


@pytest.mark.parametrize(("refused", "codes"), [(True, ("CERTIFICATE_NOT_ACCEPTED",)), (False, ())])
def test_a_domain_without_a_certificate_is_told_apart(
    *, refused: bool, codes: tuple[str, ...]
) -> None:
    """A new instance would get none either: its domain's DNS is as wrong."""
    files = FakeFiles()
    files.put(LIVE, caddyfile(domain="bot.example.org", email=None).text)
    answer = CertifiedAnswer(Answer(0, {}, "certificate: none"), refused=refused)
    found = Caddy(secure=lambda *_, **__: answer)(fake_host(files=files))
    assert (found.state, found.errors) == ("failed", error_refs(*codes))


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, ()),
        ({"last_beat": at(-40)}, ("SHARE_HUNG",)),
        ({"state": "waiting", "waiting_for": HOLDER}, ("LEASE_HELD",)),
        ({"state": "waiting", "problem": "the share does not answer"}, ("SHARE_HUNG",)),
        ({"state": "waiting"}, ()),
        ({"state": "lost"}, ("LEASE_LOST",)),
        ({"state": "released"}, ()),
        ({"state": "lost", "updated": at(-31)}, ()),
    ],
)
def test_what_the_lease_tells_of_causes(changes: dict[str, Any], codes: tuple[str, ...]) -> None:
    """A new instance would meet the same share and the same holder."""
    files = FakeFiles()
    files.put(LEASE_FILE, lease(**changes))
    assert Lease()(fake_host(files=files)).errors == error_refs(*codes)


# --- repair -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state", "holds", "codes", "reason"),
    [
        (None, "ok", 0, (), "a new instance may be asked for"),
        ('{"schema": 1, "verdict": "ask", "code": null}', "ok", 0, (), "a new instance may"),
        (
            '{"schema": 1, "verdict": "hold", "code": "UNIT_FAILED", "reason": "2 failed so"}',
            "warning",
            1,
            ("UNIT_FAILED",),
            "no new instance is asked for: 2 failed so",
        ),
        ('{"verdict": "hold", "code": null}', "warning", 1, (), "no new instance is asked for: "),
        ("[]", "unknown", None, (), "/var/lib/clawbot/repair.json is not what"),
    ],
)
def test_repair(
    text: str | None, state: str, holds: int | None, codes: tuple[str, ...], reason: str
) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(REPAIR_FILE, text)
    found = Repair()(fake_host(files=files))
    assert (found.state, found.figures.get("holds"), tuple(e.code for e in found.errors)) == (
        state,
        holds,
        codes,
    )
    assert found.reason.startswith(reason)


# --- disk and memory ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("free_bytes", "free_files", "state"),
    [(50, 50, "ok"), (9, 50, "warning"), (50, 9, "warning"), (1, 50, "failed"), (50, 1, "failed")],
)
def test_disk(free_bytes: int, free_files: int, state: str) -> None:
    giga = 10**9
    space = Space(100 * giga, free_bytes * giga, 100, free_files)
    found = Disk(Path("/"), lambda _path: space)(fake_host())
    assert found.state == state
    assert found.reason == f"{free_bytes}.0 GB and {free_files}% of inodes free"


def test_a_file_system_that_does_not_count_files() -> None:
    assert Disk(Path("/"), lambda _path: Space(100, 50, 0, 0))(fake_host()).state == "ok"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("MemTotal: 4000000 kB\nMemFree: 1 kB\nMemAvailable: 2000000 kB\n", "ok"),
        ("MemTotal: 4000000 kB\nMemAvailable: 250000 kB\n", "warning"),
        ("MemTotal: 4000000 kB\nMemAvailable: 90000 kB\n", "failed"),
        ("", "unknown"),
    ],
)
def test_memory(text: str, state: str) -> None:
    files = FakeFiles()
    files.put("/proc/meminfo", text)
    assert Memory()(fake_host(files=files)).state == state


# --- ticket ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "state", "reason"),
    [
        (None, "absent", "the share needs no ticket"),
        ({"end": at(36000), "error": None}, "ok", "good for 10 h"),
        (
            {"end": at(36000), "error": {"code": "IMDS", "message": "no token"}},
            "warning",
            "good for 10 h; the last refresh failed: IMDS: no token",
        ),
        ({"end": at(3600), "error": None}, "warning", "good for 60 min"),
        ({"end": at(-60), "error": None}, "failed", "ended 60 s ago"),
        (
            {"end": None, "error": {"code": "TOOL", "message": "none"}},
            "failed",
            "there is no ticket; the last refresh",
        ),
    ],
)
def test_ticket(document: dict[str, Any] | None, state: str, reason: str) -> None:
    files = FakeFiles()
    if document is not None:
        files.put(TICKET_FILE, json.dumps(document))
    found = Ticket()(fake_host(files=files))
    assert found.state == state
    assert found.reason.startswith(reason)


def test_a_file_that_holds_something_else_is_no_ticket() -> None:
    files = FakeFiles()
    files.put(TICKET_FILE, "[]")
    assert Ticket()(fake_host(files=files)).state == "unknown"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h")]
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


# --- scheduled events ---------------------------------------------------------------


def announced(**changes: Any) -> str:  # noqa: ANN401 - as in the report
    given = {"answered": NOW, "updated": NOW, **changes}
    return EventsReport(**given).document()


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (None, "absent", "scheduled events are not watched"),
        ("nonsense", "unknown", f"{SCHEDULED_EVENTS_FILE} is not what the watcher writes"),
        (announced(), "ok", "nothing is announced"),
        (announced(answered=None), "absent", "the metadata service has never answered"),
        (
            announced(answered=NOW - timedelta(minutes=10), problem="answered 500"),
            "warning",
            "no answer of the metadata service for 10 min: answered 500",
        ),
        (announced(updated=NOW - timedelta(minutes=4)), "unknown", "the watcher last spoke 4 min"),
        (
            announced(
                phase=Phase.DRAINING, kind="Terminate", not_before=NOW + timedelta(minutes=5)
            ),
            "warning",
            "Terminate at 00:05:00 UTC, draining",
        ),
    ],
)
def test_events(text: str | None, state: str, reason: str) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(SCHEDULED_EVENTS_FILE, text)
    found = Events()(fake_host(files=files))
    assert found.state == state
    assert bool(found.errors) is (text is not None and "draining" in text)
    assert found.reason.startswith(reason)
