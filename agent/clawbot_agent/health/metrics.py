"""`/metrics` for Prometheus."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from clawbot_agent import __version__
from clawbot_agent.engine.finding import ComponentState, Finding
from clawbot_agent.health.app import STALE_SECONDS, Response
from clawbot_agent.health.azure_health import AzureHealth, AzureState, Situation, assess
from clawbot_agent.health.board import Board, Snapshot
from clawbot_agent.health.refresh import Watch
from clawbot_agent.health.verdict import Component, Overall
from clawbot_agent.host import Host
from clawbot_agent.host.limit import Clock
from clawbot_agent.records.lease import LeaseState
from clawbot_agent.records.replacement import REPLACEMENT, ReplacementVerdict, Verdict
from clawbot_agent.records.run import (
    SELF_REPAIRS,
    STATUS,
    Result,
    RunStatus,
    SelfRepairs,
    StageState,
)

PATH: Final = "/metrics"


@dataclass(frozen=True, slots=True)
class _Records:
    """The records that become metrics; one that is absent or damaged is None."""

    run: RunStatus | None = None
    repairs: SelfRepairs | None = None
    verdict: ReplacementVerdict | None = None


class RecordReader:
    """Reads the records periodically, in a thread of its own."""

    def __init__(self, clock: Clock) -> None:
        """Nothing read yet."""
        self._clock = clock
        self._read = (_Records(), clock.monotonic())

    @property
    def watch(self) -> Watch:
        """To be started beside those of the components."""
        return Watch("records", self, every=5, limit=5)

    def present(self) -> _Records:
        """Return what was read last; nothing while reading hangs."""
        records, when = self._read
        fresh = self._clock.monotonic() - when <= self.watch.good_for
        return records if fresh else _Records()

    def __call__(self, host: Host) -> Finding:
        """Read all."""
        files = host.files
        found = _Records(STATUS.load(files), SELF_REPAIRS.load(files), REPLACEMENT.load(files))
        self._read = (found, self._clock.monotonic())
        return Finding(ComponentState.OK, "read")


@dataclass(frozen=True, slots=True)
class Figure:
    """The metric that one of `Finding.figures` becomes."""

    metric: str
    help: str
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _lease_state(state: LeaseState) -> Figure:
    text = "1 for the state of the lease on this instance."
    return Figure("clawbot_lease_state", text, {"state": state.value})


FIGURES: Final[Mapping[tuple[str, str], Figure]] = {
    ("gateway", "live"): Figure("clawbot_gateway_live", "1 when the gateway is live."),
    ("gateway", "ready"): Figure("clawbot_gateway_ready", "1 when the gateway is ready."),
    ("container", "restarts"): Figure(
        "clawbot_gateway_restarts_total",
        "Restarts of the gateway's unit by systemd since the last start by other means.",
    ),
    **{("lease", state.value): _lease_state(state) for state in LeaseState},
    ("lease", "generation"): Figure(
        "clawbot_lease_generation", "Generation of the lease that is held or waited for."
    ),
    ("lease", "heartbeat_age_seconds"): Figure(
        "clawbot_lease_heartbeat_age_seconds",
        "Time since the last heartbeat that reached the share.",
    ),
    ("caddy", "certificate_remaining_seconds"): Figure(
        "clawbot_certificate_remaining_seconds",
        "Time until Caddy's certificate expires.",
    ),
    ("ticket", "remaining_seconds"): Figure(
        "clawbot_ticket_remaining_seconds", "Time until the share's Kerberos ticket expires."
    ),
    ("disk", "free_bytes"): Figure("clawbot_disk_free_bytes", "Free space on the system disk."),
    ("disk", "total_bytes"): Figure("clawbot_disk_size_bytes", "Size of the system disk."),
    ("memory", "available_bytes"): Figure(
        "clawbot_memory_available_bytes", "RAM available without swapping."
    ),
    ("memory", "total_bytes"): Figure("clawbot_memory_size_bytes", "Size of RAM."),
}
"""By component and name of the figure."""


class Metrics:
    """Makes the text on request, once for each snapshot; nothing here waits."""

    def __init__(self, *, board: Board, records: RecordReader, azure: AzureHealth) -> None:
        """Show these."""
        self._board = board
        self._azure = azure
        self._records = records
        self._made: tuple[Snapshot, bytes] | None = None

    def page(self) -> Response:
        """Return 503 for a stale board: then the target is down, and its numbers end."""
        if self._board.age() > STALE_SECONDS:
            return Response(503, b"the sidecar no longer checks the bot\n", kind="text/plain")
        snapshot, made = self._board.snapshot, self._made
        if made is None or made[0] is not snapshot:
            families = _Families(snapshot, self._azure.state, self._records.present())
            made = self._made = (snapshot, generate_latest(families))
        return Response(200, made[1], kind=CONTENT_TYPE_PLAIN_0_0_4)


@dataclass(frozen=True, slots=True)
class _Families:
    """A `prometheus_client` collector for one moment, so that no registry is shared."""

    snapshot: Snapshot
    state: AzureState
    records: _Records

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have a sample; what is unknown has none."""
        parts = (
            _health(self.snapshot),
            _azure(self.snapshot, self.state),
            _components(self.snapshot.components),
            _figures(self.snapshot.components),
            _run(self.records.run),
            _repairs(self.records.repairs),
            _verdict(self.records.verdict),
        )
        yield from (family for part in parts for family in part if family.samples)


def _one_of(family: GaugeMetricFamily, states: Iterable[str], *, of: str = "", now: str) -> None:
    """Add a sample for each state, 1 for the present one and 0 for the others."""
    first = (of,) if of else ()
    for state in states:
        family.add_metric((*first, state), float(state == now))


def _moment(name: str, text: str, when: datetime | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=None if when is None else when.timestamp())


def _health(snapshot: Snapshot) -> Iterator[Metric]:
    agent = GaugeMetricFamily("clawbot_agent_info", "The installed agent.", None, ["version"])
    agent.add_metric([__version__], 1)
    yield agent
    overall = GaugeMetricFamily("clawbot_health", "1 for the overall status.", None, ["status"])
    _one_of(overall, Overall, now=snapshot.verdict.overall)
    yield overall
    text = "When the overall status last changed."
    yield _moment("clawbot_health_since_timestamp_seconds", text, snapshot.since)


def _azure(snapshot: Snapshot, state: AzureState) -> Iterator[Metric]:
    reported = GaugeMetricFamily(
        "clawbot_azure_state",
        "1 for the state reported to Azure's health extension.",
        None,
        ["state"],
    )
    _one_of(reported, AzureState, now=state)
    situation = GaugeMetricFamily(
        "clawbot_situation", "1 for the situation that it follows from.", None, ["situation"]
    )
    _one_of(situation, Situation, now=assess(snapshot).situation)
    yield from (reported, situation)


def _components(components: Iterable[Component]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "clawbot_component_state",
        "1 for the state of each component.",
        None,
        ["component", "state"],
    )
    since = GaugeMetricFamily(
        "clawbot_component_since_timestamp_seconds",
        "When the component entered its state; of an unknown one, when it was last seen.",
        labels=["component"],
    )
    for component in components:
        _one_of(state, ComponentState, of=component.name, now=component.state)
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


def _run(run: RunStatus | None) -> Iterator[Metric]:
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


def _stages(run: RunStatus) -> Iterator[Metric]:
    def family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"clawbot_stage_{name}", text, labels=["stage", *labels])

    state = family("state", "1 for the state of each stage in the last run.", "state")
    seconds = family("duration_seconds", "Total time of the stage, waits included.", "phase")
    attempts = family("attempts", "Attempts of the stage.")
    error = family(
        "error_info",
        "The error that ended the stage, or that it is retrying.",
        "code",
    )
    for stage in run.stages:
        _one_of(state, StageState, of=stage.name, now=stage.state)
        attempts.add_metric([stage.name], stage.attempts)
        if stage.seconds is not None:
            seconds.add_metric([stage.name, stage.phase], stage.seconds)
        if stage.error is not None:
            error.add_metric([stage.name, stage.error.code], 1)
    yield from (state, seconds, attempts, error)


def _repairs(repairs: SelfRepairs | None) -> Iterator[Metric]:
    if repairs is None:
        return
    count = CounterMetricFamily(
        "clawbot_self_repairs_total", "Repairs that the instance attempted.", labels=["what"]
    )
    failed = CounterMetricFamily(
        "clawbot_self_repairs_failed_total", "Repairs that failed.", labels=["what"]
    )
    last = GaugeMetricFamily(
        "clawbot_self_repair_last_timestamp_seconds", "Time of the last repair.", labels=["what"]
    )
    for what, repair in repairs.repairs.items():
        count.add_metric([what], repair.count)
        failed.add_metric([what], repair.failed)
        last.add_metric([what], repair.last.timestamp())
    yield from (count, failed, last)


def _verdict(verdict: ReplacementVerdict | None) -> Iterator[Metric]:
    present = GaugeMetricFamily(
        "clawbot_replacement_verdict",
        "1 for whether the agent lets Azure replace a broken bot.",
        labels=["verdict"],
    )
    # without a record replacement is allowed
    _one_of(present, Verdict, now=Verdict.ALLOWED if verdict is None else verdict.verdict)
    yield present
    if verdict is None:
        return
    failures = GaugeMetricFamily(
        "clawbot_replacement_failures",
        "Instances in a row that failed with the same error.",
        labels=["code"],
    )
    failures.add_metric([verdict.code], verdict.failures)
    yield failures
