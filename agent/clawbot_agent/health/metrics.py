"""`/metrics`: what is known, as numbers for Prometheus. docs/reference/metrics.md has the names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from clawbot_agent import __version__
from clawbot_agent.features.lease.report import LeaseState
from clawbot_agent.health.app import STALE_SECONDS, Response
from clawbot_agent.health.azure_health import AzureHealth, Word
from clawbot_agent.health.finding import Component, State
from clawbot_agent.health.records import Record, RecordReader, RepairVerdict, RunRecord, SelfRepair
from clawbot_agent.health.situation import Situation, assess
from clawbot_agent.health.snapshot import Board, Snapshot
from clawbot_agent.health.verdict import Overall
from clawbot_agent.records.status import Result
from clawbot_agent.records.status import State as StageState

__all__ = ["FIGURES", "PATH", "Metrics"]

PATH: Final = "/metrics"
_VERDICTS: Final = ("ask", "hold")


@dataclass(frozen=True, slots=True)
class Figure:
    """The metric that one of `Finding.figures` becomes."""

    metric: str
    help: str
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _lease_state(state: LeaseState) -> Figure:
    text = "1 for how this instance stands to the lease, as its daemon tells."
    return Figure("clawbot_lease_state", text, {"state": state.value})


FIGURES: Final[Mapping[tuple[str, str], Figure]] = {
    ("gateway", "live"): Figure("clawbot_gateway_live", "1 when the gateway says that it lives."),
    ("gateway", "ready"): Figure("clawbot_gateway_ready", "1 when the gateway is ready."),
    ("container", "restarts"): Figure(
        "clawbot_gateway_restarts_total",
        "Restarts of the gateway's unit by systemd since it was last started by hand.",
    ),
    **{("lease", state.value): _lease_state(state) for state in LeaseState},
    ("lease", "generation"): Figure(
        "clawbot_lease_generation", "Generation of the lease that is held or waited for."
    ),
    ("lease", "beat_age_seconds"): Figure(
        "clawbot_lease_beat_age_seconds", "Time since the share last took a beat."
    ),
    ("caddy", "certificate_seconds_left"): Figure(
        "clawbot_certificate_left_seconds", "Time until the certificate that Caddy serves ends."
    ),
    ("ticket", "seconds_left"): Figure(
        "clawbot_ticket_left_seconds", "Time until the Kerberos ticket of the share ends."
    ),
    ("disk", "free_bytes"): Figure("clawbot_disk_free_bytes", "Free on the system's disk."),
    ("disk", "total_bytes"): Figure("clawbot_disk_size_bytes", "Size of the system's disk."),
    ("memory", "available_bytes"): Figure(
        "clawbot_memory_available_bytes", "Memory that can be had without swapping."
    ),
    ("memory", "total_bytes"): Figure("clawbot_memory_size_bytes", "Size of the memory."),
}
"""By component and name of the figure."""


class Metrics:
    """Makes the text when somebody asks, once for each snapshot; nothing here waits."""

    def __init__(self, *, board: Board, records: RecordReader, azure: AzureHealth) -> None:
        """Tell what these know."""
        self._board = board
        self._azure = azure
        self._records = records
        self._made: tuple[Snapshot, bytes] | None = None

    def page(self) -> Response:
        """503 when nobody looks any more: then the target is down, and its numbers end."""
        if self._board.age() > STALE_SECONDS:
            return Response(503, b"the sidecar no longer looks\n", kind="text/plain")
        snapshot, made = self._board.snapshot, self._made
        if made is None or made[0] is not snapshot:
            families = _Families(snapshot, self._azure.word, self._records.present())
            made = self._made = (snapshot, generate_latest(families))
        return Response(200, made[1], kind=CONTENT_TYPE_PLAIN_0_0_4)


@dataclass(frozen=True, slots=True)
class _Families:
    """A `prometheus_client` collector of one moment, so that no registry is shared."""

    snapshot: Snapshot
    word: Word
    record: Record

    def collect(self) -> Iterator[Metric]:
        """Those that have a sample; what is not known has none."""
        parts = (
            _health(self.snapshot),
            _azure(self.snapshot, self.word),
            _components(self.snapshot.components),
            _figures(self.snapshot.components),
            _run(self.record.run),
            _repairs(self.record.repairs),
            _verdict(self.record.verdict),
        )
        yield from (family for part in parts for family in part if family.samples)


def _one_of(family: GaugeMetricFamily, states: Iterable[str], *, of: str = "", now: str) -> None:
    """A sample for each state, 1 for the present one and 0 for the others."""
    first = (of,) if of else ()
    for state in states:
        family.add_metric((*first, state), float(state == now))


def _moment(name: str, text: str, when: datetime | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=None if when is None else when.timestamp())


def _health(snapshot: Snapshot) -> Iterator[Metric]:
    agent = GaugeMetricFamily(
        "clawbot_agent_info", "The agent that is installed.", None, ["version"]
    )
    agent.add_metric([__version__], 1)
    yield agent
    word = GaugeMetricFamily("clawbot_health", "1 for the overall word.", None, ["status"])
    _one_of(word, Overall, now=snapshot.verdict.overall)
    yield word
    text = "When the overall word became what it is."
    yield _moment("clawbot_health_since_timestamp_seconds", text, snapshot.since)


def _azure(snapshot: Snapshot, word: Word) -> Iterator[Metric]:
    said = GaugeMetricFamily(
        "clawbot_azure_state", "1 for what Azure's health extension is told.", None, ["state"]
    )
    _one_of(said, Word, now=word)
    situation = GaugeMetricFamily(
        "clawbot_situation", "1 for what that is judged by.", None, ["situation"]
    )
    _one_of(situation, Situation, now=assess(snapshot).situation)
    yield from (said, situation)


def _components(components: Iterable[Component]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "clawbot_component_state",
        "1 for the state of each component.",
        None,
        ["component", "state"],
    )
    since = GaugeMetricFamily(
        "clawbot_component_since_timestamp_seconds",
        "When the component's state became what it is; of an unknown one, when it was last seen.",
        labels=["component"],
    )
    for component in components:
        _one_of(state, State, of=component.name, now=component.state)
        since.add_metric([component.name], component.since.timestamp())
    yield from (state, since)


def _figures(components: Iterable[Component]) -> Iterator[Metric]:
    found: dict[str, Metric] = {}
    for component in components:
        for name, value in component.figures.items():
            figure = FIGURES.get((component.name, name))
            if figure is not None:
                family = found.setdefault(figure.metric, _family(figure))
                family.add_sample(figure.metric, dict(figure.labels), float(value))
    yield from found.values()


def _family(figure: Figure) -> Metric:
    if figure.metric.endswith("_total"):
        return CounterMetricFamily(figure.metric, figure.help)
    return GaugeMetricFamily(figure.metric, figure.help)


def _run(run: RunRecord | None) -> Iterator[Metric]:
    if run is None:
        return
    result = GaugeMetricFamily(
        "clawbot_run_result", "1 for the result of the last run.", None, ["result"]
    )
    _one_of(result, Result, now=run.result)
    yield result
    for what, when in (("started", run.started), ("finished", run.finished)):
        yield _moment(f"clawbot_run_{what}_timestamp_seconds", f"When the last run {what}.", when)
    yield from _stages(run)


def _stages(run: RunRecord) -> Iterator[Metric]:
    def family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"clawbot_stage_{name}", text, labels=["stage", *labels])

    state = family("state", "1 for the state of each stage in the last run.", "state")
    seconds = family("duration_seconds", "Whole time of the stage, its waits included.", "phase")
    attempts = family("attempts", "Attempts that the stage took.")
    error = family(
        "error_info",
        "The code of the error that ended the stage, or that it waits for to pass.",
        "code",
    )
    for stage in run.stages:
        _one_of(state, StageState, of=stage.name, now=stage.state)
        attempts.add_metric([stage.name], stage.attempts)
        if stage.seconds is not None:
            seconds.add_metric([stage.name, stage.phase], stage.seconds)
        if stage.code is not None:
            error.add_metric([stage.name, stage.code], 1)
    yield from (state, seconds, attempts, error)


def _repairs(repairs: Iterable[SelfRepair]) -> Iterator[Metric]:
    count = CounterMetricFamily(
        "clawbot_self_repairs_total", "What the instance set out to repair.", labels=["what"]
    )
    failed = CounterMetricFamily(
        "clawbot_self_repairs_failed_total", "Those that did not help.", labels=["what"]
    )
    last = GaugeMetricFamily(
        "clawbot_self_repair_last_timestamp_seconds", "When the last one was.", labels=["what"]
    )
    for repair in repairs:
        count.add_metric([repair.what], repair.count)
        failed.add_metric([repair.what], repair.failed)
        if repair.last is not None:
            last.add_metric([repair.what], repair.last.timestamp())
    yield from (count, failed, last)


def _verdict(verdict: RepairVerdict | None) -> Iterator[Metric]:
    word = GaugeMetricFamily(
        "clawbot_repair_verdict", "1 for whether Azure is asked for replacement.", None, ["verdict"]
    )
    # without a file nothing keeps the agent from asking
    _one_of(word, _VERDICTS, now="ask" if verdict is None else verdict.verdict)
    yield word
    if verdict is None:
        return
    failures = GaugeMetricFamily(
        "clawbot_repair_failures",
        "Instances in a row that ended with the same error.",
        labels=["code"],
    )
    failures.add_metric([verdict.code or ""], verdict.failures)
    yield failures
