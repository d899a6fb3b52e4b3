"""The share's server is unreachable for a minute under a running bot."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.product_vm import ready
from tests.drills.ground import Ground, Instance
from tests.drills.report import Report
from tests.drills.writer import Writer
from tests.support.openclaw_client import lost

_BACK_SECONDS: Final = 60.0
# the retry time of the agent's error classes, doubled for an emulated processor
_RUN_SECONDS: Final = 900.0
_POLL_SECONDS: Final = 1.0
# emulated: the start of the interpreter alone takes seconds
_ANSWER_SECONDS: Final = 30.0
_GATEWAY: Final = (
    "systemctl show --value --property=MainPID,NRestarts clawbot-gateway.service | tr '\\n' ' '; "
    "docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' openclaw-gateway"
)
_QUESTIONS: Final = {
    "clawbot-agent status": ("clawbot-agent", "status", "--compact"),
    "sidecar /health": ("curl", "-sS", "-m", "20", "http://127.0.0.1:18790/health"),
    "systemctl": ("systemctl", "list-timers", "--no-pager", "clawbot-reconcile.timer"),
}


@dataclass(slots=True)
class _Run:
    """A run of the agent that started during the outage."""

    instance: Instance
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    code: int = -1
    document: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> None:
        """Run it and wait for its exit."""
        argv = ("clawbot-agent", "run", "--stage", "all", "--json")
        done = self.instance.vm.exec(argv, timeout=_RUN_SECONDS)
        self.seconds = time.monotonic() - self.began
        self.code = done.returncode
        if done.stdout.strip():
            self.document = json.loads(done.stdout)

    def errors(self) -> list[str]:
        """Return the error codes of the failed stages."""
        stages = self.document.get("stages", [])
        return [str(stage["error"]["code"]) for stage in stages if stage["error"]]


def outage(
    ground: Ground, report: Report, *, seconds: float = 60.0, instance: Instance | None = None
) -> Instance:
    """Stop the server, check what must continue, start it; return the bot's instance.

    Args:
        ground: of the bot.
        report: receives the results.
        seconds: duration of the outage.
        instance: a healthy one; default: a new one.
    """
    if instance is None:
        instance = ground.boot()
        report.figure("first boot, power-on to healthy", instance.healthy())
    instance.enter()
    server = ground.bots.bench.files
    before = _identity_of_gateway(instance)
    with instance.connected(pair=True) as client:
        writer = Writer(client, f"outage {time.time():.0f}", pause=0.5, timeout=seconds + 240)
        writer.start()
        time.sleep(5)
        run = _Run(instance)
        runner = threading.Thread(target=run, daemon=True)
        server.stop()
        stopped = time.monotonic()
        try:
            report.note("server stopped")
            runner.start()
            _poll(instance, report, until=stopped + seconds)
        finally:
            server.start()
        _comes_back(instance, report, writer)
        runner.join(_RUN_SECONDS)
        _judge_run(run, report)
        gone = lost(writer.texts, client.recall()) if client.connect(within=300) else []
    report.figure("texts acknowledged, lost", f"{len(writer.texts)}, {len(gone)}")
    report.demand(kept=not gone, promise=f"no text is lost: {gone[:3]}")
    after = _identity_of_gateway(instance)
    report.demand(kept=before == after, promise=f"the gateway is not restarted: {before} {after}")
    damaged = instance.databases().damaged
    report.demand(kept=not damaged, promise=f"no database is damaged: {damaged}")
    return instance


def _poll(instance: Instance, report: Report, *, until: float) -> None:
    """Repeat all requests until a time; report the slowest answers."""
    slowest: dict[str, float] = dict.fromkeys(_QUESTIONS, 0.0)
    unready = 0.0
    while time.monotonic() < until:
        for what, argv in _QUESTIONS.items():
            slowest[what] = max(slowest[what], _seconds(instance, argv, report))
        if not unready and not ready(instance.vm):
            unready = time.monotonic()
        time.sleep(_POLL_SECONDS)
    for what, figure in slowest.items():
        report.figure(f"slowest answer during the outage: {what}", figure)
    state = f"not ready from {until - unready:.0f} s before its end" if unready else "ready"
    report.figure("/readyz during the outage", state)


def _seconds(instance: Instance, argv: Sequence[str], report: Report) -> float:
    began = time.monotonic()
    done = instance.vm.exec(argv, timeout=2 * _ANSWER_SECONDS)
    seconds = time.monotonic() - began
    promise = f"{argv[0]} answers during the outage ({done.returncode} after {seconds:.1f} s)"
    report.demand(kept=done.returncode == 0 and seconds < _ANSWER_SECONDS, promise=promise)
    return seconds


def _comes_back(instance: Instance, report: Report, writer: Writer) -> None:
    began, written = time.monotonic(), len(writer.texts)
    back = wrote = 0.0
    while not (back and wrote) and time.monotonic() - began < 3 * _BACK_SECONDS:
        if not back and ready(instance.vm):
            back = time.monotonic() - began
        if not wrote and len(writer.texts) > written + 1:
            wrote = time.monotonic() - began
        time.sleep(_POLL_SECONDS)
    writer.stop()
    report.figure("server's return to ready", back or "never")
    report.figure("server's return to the next stored text", wrote or "never")
    report.figure("longest wait for a text", writer.slowest)
    kept = 0 < back <= _BACK_SECONDS and 0 < wrote <= _BACK_SECONDS
    report.demand(kept=kept, promise="ready and writing within 60 s of the server's return")


def _judge_run(run: _Run, report: Report) -> None:
    result = run.document.get("result", "no document")
    report.figure("run during the outage", f"exit {run.code}, {result}, {run.seconds:.0f} s")
    report.figure("its errors", ", ".join(run.errors()) or "none")
    share_named = bool(run.errors()) and all(code.startswith("SHARE_") for code in run.errors())
    # a run that waits long enough finds the share again
    kept = (run.code == 1 and share_named) or run.code == 0
    report.demand(kept=kept, promise="a run during the outage ends with an error of the share")


def _identity_of_gateway(instance: Instance) -> str:
    """Return an identity that changes on any restart of the gateway's process or container."""
    done = instance.vm.exec(f"cat /proc/sys/kernel/random/boot_id; {_GATEWAY}", timeout=120)
    return " ".join(done.stdout.split())
