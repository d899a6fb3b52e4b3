"""The finding of each check: tables."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.core.paths import (
    LEASE_FILE,
    REPLACEMENT_FILE,
    SCHEDULED_EVENTS_FILE,
    TICKET_FILE,
)
from clawbot_agent.engine.finding import Finding, age_text
from clawbot_agent.features.caddy.caddyfile import LIVE, caddyfile
from clawbot_agent.features.caddy.health import CaddyCheck
from clawbot_agent.features.gateway.health import LIVE_URL, ContainerCheck, GatewayCheck
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.features.lease.health import LeaseCheck
from clawbot_agent.features.share.health import TicketCheck
from clawbot_agent.health.checks import DiskCheck, EventsCheck, MemoryCheck, ReplacementCheck
from clawbot_agent.health.refresh import Check, Watch, checked
from clawbot_agent.host import Host
from clawbot_agent.host.files import Space
from clawbot_agent.host.http import Answer, CertifiedAnswer
from clawbot_agent.records.record import text_of
from clawbot_agent.records.replacement import ReplacementVerdict, Verdict
from clawbot_agent.records.shutdown import ShutdownPhase, ShutdownReport
from clawbot_agent.records.ticket import TicketError, TicketRecord
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
    """Return the time so many seconds from now."""
    return (NOW + timedelta(seconds=seconds)).isoformat()


def found_by(check: Check, host: Host) -> Finding:
    """Run a check as the sidecar does."""
    return checked(Watch("component", check, every=5, limit=5), host)


# --- gateway ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ready", "live", "state", "reason"),
    [
        (READY_ANSWER, LIVE_ANSWER, "ok", "ready"),
        (Answer(503, {"ready": False}), LIVE_ANSWER, "failed", "live, not ready: /readyz answers"),
        (PAGE_ANSWER, PAGE_ANSWER, "failed", "/readyz answers 200 without"),
        (None, None, "failed", "ConnectionRefusedError"),
        (Answer(0, {}, "TimeoutError: timed out"), None, "failed", "TimeoutError: timed out"),
    ],
)
def test_gateway(ready: Answer | None, live: Answer | None, state: str, reason: str) -> None:
    answers = {READY_URL: [ready] if ready else [], LIVE_URL: [live] if live else []}
    found = GatewayCheck()(fake_host(get_json=FakeGetJson(answers)))
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
            "clawbot-gateway.service is starting",
        ),
        (
            {
                "ActiveState": "activating",
                "SubState": "auto-restart",
                "ExecMainStatus": "137",
                "Result": "exit-code",
            },
            "warning",
            ("clawbot-gateway.service waits for a restart (result exit-code, exit status 137)"),
        ),
        (
            {"ActiveState": "failed", "ExecMainStatus": "78", "Result": "exit-code"},
            "failed",
            "clawbot-gateway.service is failed (result exit-code, exit status 78)",
        ),
        (
            {"ActiveState": "inactive"},
            "failed",
            "clawbot-gateway.service is inactive (result success, exit status 0)",
        ),
    ],
)
def test_container(unit: dict[str, str], state: str, reason: str) -> None:
    run = FakeRun()
    text = shown(**{"LoadState": "loaded", "NRestarts": "0", **unit})
    run.answer("systemctl", "show", "clawbot-gateway.service", stdout=text)
    found = ContainerCheck()(fake_host(run=run))
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
        "silent_seconds": 0,
        "last_heartbeat": at(-8),
        "problem": "",
        "updated": at(-2),
    }
    return json.dumps({**document, **changes})


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (None, "absent", "no lease on this instance"),
        ("{", "unknown", f"{LEASE_FILE} is damaged: not JSON (JSONDecodeError)"),
        (lease(), "ok", "generation 7 is held; the share answers"),
        (lease(last_heartbeat=None), "ok", "generation 7 is held"),
        (
            lease(last_heartbeat=at(-40), problem="the share does not answer"),
            "warning",
            (
                "generation 7 is held, but the share has not answered for 40 s; "
                "the share does not answer"
            ),
        ),
        (
            lease(state="waiting", waiting_for=HOLDER, silent_seconds=12),
            "failed",
            "waiting for bot-1 (instance abc), no heartbeat for 12 s",
        ),
        (lease(state="waiting"), "failed", "waiting for the lease"),
        (lease(state="lost"), "failed", "generation 7 is lost"),
        (lease(state="released"), "failed", "released"),
        (lease(updated=at(-31)), "unknown", "no report from the lease daemon for 31 s"),
    ],
)
def test_lease(text: str | None, state: str, reason: str) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(LEASE_FILE, text)
    found = found_by(LeaseCheck(), fake_host(files=files))
    assert (found.state, found.reason) == (state, reason)


# --- caddy --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (LIVE_ANSWER, "ok", "proxies requests to the gateway"),
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
    found = CaddyCheck()(fake_host(files=files, get_json=answers))
    assert (found.state, found.reason) == (state, reason)


@pytest.mark.parametrize(
    ("answer", "days", "state", "reason"),
    [
        (LIVE_ANSWER, 60, "ok", "proxies requests to the gateway"),
        (
            LIVE_ANSWER,
            10,
            "warning",
            "the certificate of bot.example.org expires in 10 days and is not renewed",
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

    found = CaddyCheck(secure=secure)(fake_host(files=files))
    assert (found.state, found.reason) == (state, reason)
    assert asked == [("bot.example.org", "/healthz")]


@pytest.mark.parametrize(("refused", "codes"), [(True, ("CERTIFICATE_NOT_ACCEPTED",)), (False, ())])
def test_domain_without_an_accepted_certificate_has_an_error(
    *, refused: bool, codes: tuple[str, ...]
) -> None:
    """A new instance would get none either: the domain's DNS is the same."""
    files = FakeFiles()
    files.put(LIVE, caddyfile(domain="bot.example.org", email=None).text)
    answer = CertifiedAnswer(Answer(0, {}, "certificate: none"), refused=refused)
    found = CaddyCheck(secure=lambda *_, **__: answer)(fake_host(files=files))
    assert (found.state, found.errors) == ("failed", error_refs(*codes))


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, ()),
        ({"last_heartbeat": at(-40)}, ("SHARE_HUNG",)),
        ({"state": "waiting", "waiting_for": HOLDER}, ("LEASE_HELD",)),
        ({"state": "waiting", "problem": "the share does not answer"}, ("SHARE_HUNG",)),
        ({"state": "waiting"}, ()),
        ({"state": "lost"}, ("LEASE_LOST",)),
        ({"state": "released"}, ()),
        ({"state": "lost", "updated": at(-31)}, ()),
    ],
)
def test_lease_names_the_errors_behind_it(changes: dict[str, Any], codes: tuple[str, ...]) -> None:
    """A new instance would meet the same share and the same holder."""
    files = FakeFiles()
    files.put(LEASE_FILE, lease(**changes))
    assert LeaseCheck()(fake_host(files=files)).errors == error_refs(*codes)


# --- replacement --------------------------------------------------------------------


def verdict(given: Verdict) -> str:
    return text_of(ReplacementVerdict(given, "UNIT_FAILED", 2, 24, "2 failed so"))


@pytest.mark.parametrize(
    ("text", "state", "suspended", "codes", "reason"),
    [
        (None, "ok", 0, (), "replacement is allowed"),
        (verdict(Verdict.ALLOWED), "ok", 0, (), "replacement is allowed"),
        (
            verdict(Verdict.SUSPENDED),
            "warning",
            1,
            ("UNIT_FAILED",),
            "replacement is suspended: 2 failed so",
        ),
        ("[]", "unknown", None, (), f"{REPLACEMENT_FILE} is damaged: not an object"),
    ],
)
def test_replacement(
    text: str | None, state: str, suspended: int | None, codes: tuple[str, ...], reason: str
) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(REPLACEMENT_FILE, text)
    found = found_by(ReplacementCheck(), fake_host(files=files))
    assert (found.state, found.reason) == (state, reason)
    assert found.figures.get("suspended") == suspended
    assert tuple(error.code for error in found.errors) == codes


# --- disk and memory ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("free_bytes", "free_files", "state"),
    [(50, 50, "ok"), (9, 50, "warning"), (50, 9, "warning"), (1, 50, "failed"), (50, 1, "failed")],
)
def test_disk(free_bytes: int, free_files: int, state: str) -> None:
    giga = 10**9
    space = Space(100 * giga, free_bytes * giga, 100, free_files)
    found = DiskCheck(Path("/"), lambda _path: space)(fake_host())
    assert found.state == state
    assert found.reason == f"{free_bytes}.0 GB and {free_files}% of inodes free"


def test_file_system_that_does_not_count_files_is_ok() -> None:
    check = DiskCheck(Path("/"), lambda _path: Space(100, 50, 0, 0))
    assert check(fake_host()).state == "ok"


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
    assert MemoryCheck()(fake_host(files=files)).state == state


# --- ticket ---------------------------------------------------------------------------


def ticket(remaining: float | None, error: TicketError | None = None) -> str:
    end = None if remaining is None else NOW + timedelta(seconds=remaining)
    return text_of(TicketRecord(end, None, NOW, error))


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (None, "absent", "the share needs no ticket"),
        (ticket(36000), "ok", "valid for 10 h"),
        (
            ticket(36000, TicketError("IMDS", "no token")),
            "warning",
            "valid for 10 h; the last refresh failed: IMDS: no token",
        ),
        (ticket(3600), "warning", "valid for 60 min"),
        (ticket(-60), "failed", "expired 60 s ago"),
        (ticket(None, TicketError("TOOL", "none")), "failed", "no ticket; the last refresh"),
        ("[]", "unknown", f"{TICKET_FILE} is damaged"),
    ],
)
def test_ticket(text: str | None, state: str, reason: str) -> None:
    files = FakeFiles()
    if text is not None:
        files.put(TICKET_FILE, text)
    found = found_by(TicketCheck(), fake_host(files=files))
    assert found.state == state
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h")]
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


# --- scheduled events ---------------------------------------------------------------


def announced(**changes: Any) -> str:  # noqa: ANN401 - as in the report
    given = {"answered": NOW, "updated": NOW, **changes}
    return text_of(ShutdownReport(**given))


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (None, "absent", "scheduled events are not watched"),
        ("nonsense", "unknown", f"{SCHEDULED_EVENTS_FILE} is damaged: not JSON"),
        (announced(), "ok", "no event is announced"),
        (announced(answered=None), "absent", "the metadata service never answered"),
        (
            announced(answered=NOW - timedelta(minutes=10), problem="answered 500"),
            "warning",
            "no answer from the metadata service for 10 min: answered 500",
        ),
        (announced(updated=NOW - timedelta(minutes=4)), "unknown", "no report from the scheduled-"),
        (
            announced(
                phase=ShutdownPhase.DRAINING,
                kind="Terminate",
                not_before=NOW + timedelta(minutes=5),
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
    found = found_by(EventsCheck(), fake_host(files=files))
    assert found.state == state
    assert bool(found.errors) is (text is not None and "draining" in text)
    assert found.reason.startswith(reason)
