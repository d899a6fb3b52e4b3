"""Three instances fail with one error: the third suspends replacement, a success clears it."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.bot import Bot, Done

_SHARE: Final = "srv/clawbot/share"
_VERDICT: Final = "var/lib/clawbot/replacement.json"
_FAILURES: Final = f"{_SHARE}/replacement/failures.json"
_TIMER: Final = "clawbot-reconcile.timer"
_DROP_IN: Final = f"/run/systemd/system/{_TIMER}.d"
# the shipped timer with a tenth of its period
_PERIOD_SECONDS: Final = 30
_FASTER: Final = f"""\
[Timer]
OnActiveSec=
OnUnitInactiveSec=
OnActiveSec={_PERIOD_SECONDS}
OnUnitInactiveSec={_PERIOD_SECONDS}
RandomizedDelaySec=0
AccuracySec=1
"""
# for a run that starts the gateway, and one that waits when the role is assigned
_RUN_SECONDS: Final = 120
_AZURE: Final = "http://127.0.0.1:18790/health/azure"
_SIDECAR_SECONDS: Final = 60


def _document(bot: Bot, path: str) -> dict[str, Any]:
    file = bot.bench.root / path
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _next_instance(bot: Bot) -> str:
    """Become another instance: another id, no secrets and no records of runs."""
    name = str(uuid.uuid4())
    bot.sh(
        "systemctl stop clawbot-gateway; mkdir -p /var/lib/cloud/data; "
        f"echo {name} > /var/lib/cloud/data/instance-id; cd /var/lib/clawbot; "
        "rm -rf secrets status.json replacement.json",
        timeout=400,
    )
    return name


@pytest.fixture
def revoked(bot: Bot) -> Iterator[Bot]:
    """Return a bot whose identity may no longer read its secrets; a run waits up to 1 min."""
    bot.configure(limits={"run_deadline": 60}, gateway={"ready_timeout": 50})
    bot.bench.azure.set("keyvault", forbidden_for=3600)
    done = bot.bench.exec(f"mkdir -p {_DROP_IN}; cat > {_DROP_IN}/faster.conf", stdin=_FASTER)
    assert done.returncode == 0, done.stderr
    yield bot
    bot.bench.azure.set("keyvault", forbidden_for=0)
    bot.sh(
        f"systemctl stop {_TIMER} clawbot-reconcile clawbot-sidecar; rm -rf {_DROP_IN} "
        "/var/lib/cloud/data/instance-id; systemctl daemon-reload",
        timeout=400,
    )


def _await_situation(bot: Bot, situation: str) -> dict[str, Any]:
    """Return the answer to Azure once it has this situation."""
    bot.sh("systemctl restart clawbot-sidecar")
    began = time.monotonic()
    while True:
        done = bot.bench.exec(("curl", "-s", _AZURE), timeout=30)
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        metrics = json.loads(found.get("CustomMetrics", "{}"))
        if metrics.get("situation") == situation:
            return found
        assert time.monotonic() - began < _SIDECAR_SECONDS, found
        time.sleep(1)


def _fails(bot: Bot) -> Done:
    run = bot.run()
    assert run.code == 1
    assert run.stage("secrets")["error"]["code"] == "KEYVAULT_FORBIDDEN"
    return run


@pytest.mark.extended("bot")
def test_third_instance_suspends_replacement_and_recovers_by_itself(
    revoked: Bot, figures: dict[str, float]
) -> None:
    """Without an operator: the role is assigned again, and the timer's next run succeeds."""
    bot = revoked
    verdicts, names = [], []
    for _ in range(3):
        names.append(_next_instance(bot))
        _fails(bot)
        found = _document(bot, _VERDICT)
        verdicts.append((found["verdict"], found["code"], found["failures"]))
    assert verdicts == [
        ("allowed", "KEYVAULT_FORBIDDEN", 1),
        ("allowed", "KEYVAULT_FORBIDDEN", 2),
        ("suspended", "KEYVAULT_FORBIDDEN", 3),
    ]
    assert [one["instance_id"] for one in _document(bot, _FAILURES)["instances"]] == names
    repeated = [event for event in bot.events() if event["event"] == "failure.repeated"]
    verdict, evidence = (event["text"] for event in repeated[-2:])
    assert "3 instances in a row failed with KEYVAULT_FORBIDDEN" in verdict
    assert evidence.startswith("evidence is kept on the share: ")
    kept = bot.bench.root / _SHARE / "replacement/evidence.tar.zst"
    assert kept.stat().st_size > 0
    assert kept.stat().st_mode & 0o077 == 0
    shown = bot.agent("status", "--compact").stdout
    assert "replacement suspended: 3 instances in a row failed" in shown
    console = (bot.bench.run_dir / "console.log").read_text(errors="replace")
    assert "instances: 3 instances in a row failed with KEYVAULT_FORBIDDEN" in console

    answer = _await_situation(bot, "replacement-suspended")
    assert answer["ApplicationHealthState"] == "Healthy"

    bot.sh(f"systemctl daemon-reload; systemctl start {_TIMER}")
    bot.bench.azure.set("keyvault", forbidden_for=0)
    began = time.monotonic()
    while _document(bot, "var/lib/clawbot/status.json").get("result") != "converged":
        assert time.monotonic() - began < 2 * _PERIOD_SECONDS + _RUN_SECONDS
        time.sleep(1)
    figures["role back to converged, timer every 30 s, s"] = time.monotonic() - began
    assert bot.ready()["ready"] is True
    assert _document(bot, _VERDICT) == {}
    assert _document(bot, _FAILURES) == {}
