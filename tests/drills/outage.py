"""The share's server goes away for a minute under a running bot."""

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
# the patience of the agent's own classes of errors, twice the slowness of an emulated processor
_RUN_SECONDS: Final = 900.0
_LOOK_SECONDS: Final = 1.0
# emulated: the start of the interpreter alone is seconds
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
    """A run of the agent that began during the outage."""

    instance: Instance
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    code: int = -1
    document: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> None:
        """Run it to its end."""
        argv = ("clawbot-agent", "run", "--stage", "all", "--json")
        done = self.instance.vm.exec(argv, timeout=_RUN_SECONDS)
        self.seconds = time.monotonic() - self.began
        self.code = done.returncode
        if done.stdout.strip():
            self.document = json.loads(done.stdout)

    def errors(self) -> list[str]:
        """Codes of the stages that failed."""
        stages = self.document.get("stages", [])
        return [str(stage["error"]["code"]) for stage in stages if stage["error"]]


def outage(
    ground: Ground, report: Report, *, seconds: float = 60.0, instance: Instance | None = None
) -> Instance:
    """Stop the server, look at everything that must go on, start it; the bot's instance.

    Args:
        ground: of the bot.
        report: is filled.
        seconds: how long the server is away.
        instance: healthy; one is booted without.
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
            _look(instance, report, until=stopped + seconds)
        finally:
            server.start()
        _comes_back(instance, report, writer)
        runner.join(_RUN_SECONDS)
        _judge_run(run, report)
        gone = lost(writer.texts, client.recall()) if client.connect(within=300) else []
    report.figure("texts acknowledged, lost", f"{len(writer.texts)}, {len(gone)}")
    report.demand(kept=not gone, promise=f"nothing is lost: {gone[:3]}")
    after = _identity_of_gateway(instance)
    report.demand(kept=before == after, promise=f"nobody restarts the gateway: {before} {after}")
    damaged = instance.databases().damaged
    report.demand(kept=not damaged, promise=f"no database is damaged: {damaged}")
    return instance


def _look(instance: Instance, report: Report, *, until: float) -> None:
    """Ask everything again and again; the slowest answers are the figures."""
    slowest: dict[str, float] = dict.fromkeys(_QUESTIONS, 0.0)
    unready = 0.0
    while time.monotonic() < until:
        for what, argv in _QUESTIONS.items():
            slowest[what] = max(slowest[what], _seconds(instance, argv, report))
        if not unready and not ready(instance.vm):
            unready = time.monotonic()
        time.sleep(_LOOK_SECONDS)
    for what, figure in slowest.items():
        report.figure(f"slowest answer during the outage: {what}", figure)
    state = f"not ready from {until - unready:.0f} s before its end" if unready else "ready"
    report.figure("/readyz during the outage", state)


def _seconds(instance: Instance, argv: Sequence[str], report: Report) -> float:
    began = time.monotonic()
    done = instance.vm.exec(argv, timeout=2 * _ANSWER_SECONDS)
    seconds = time.monotonic() - began
    told = f"{argv[0]} answers during the outage ({done.returncode} after {seconds:.1f} s)"
    report.demand(kept=done.returncode == 0 and seconds < _ANSWER_SECONDS, promise=told)
    return seconds


def _comes_back(instance: Instance, report: Report, writer: Writer) -> None:
    began, written = time.monotonic(), len(writer.texts)
    back = wrote = 0.0
    while not (back and wrote) and time.monotonic() - began < 3 * _BACK_SECONDS:
        if not back and ready(instance.vm):
            back = time.monotonic() - began
        if not wrote and len(writer.texts) > written + 1:
            wrote = time.monotonic() - began
        time.sleep(_LOOK_SECONDS)
    writer.stop()
    report.figure("server's return to ready", back or "never")
    report.figure("server's return to the next text kept", wrote or "never")
    report.figure("longest wait for one text", writer.slowest)
    kept = 0 < back <= _BACK_SECONDS and 0 < wrote <= _BACK_SECONDS
    report.demand(kept=kept, promise="ready and writing within 60 s of the server's return")


def _judge_run(run: _Run, report: Report) -> None:
    result = run.document.get("result", "no document")
    report.figure("run during the outage", f"exit {run.code}, {result}, {run.seconds:.0f} s")
    report.figure("its errors", ", ".join(run.errors()) or "none")
    told = bool(run.errors()) and all(code.startswith("SHARE_") for code in run.errors())
    # one that waits long enough finds the share again
    kept = (run.code == 1 and told) or run.code == 0
    report.demand(kept=kept, promise="a run during the outage ends, and says that it is the share")


def _identity_of_gateway(instance: Instance) -> str:
    """Changes when the gateway's process, container or machine starts anew."""
    done = instance.vm.exec(f"cat /proc/sys/kernel/random/boot_id; {_GATEWAY}", timeout=120)
    return " ".join(done.stdout.split())
