"""The planner of the stage `gateway` as a table, and its actions on a fake Docker."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR, DOCKER_SOCKET
from clawbot_agent.features.gateway.actions import RefuseStart
from clawbot_agent.features.gateway.container_spec import (
    CANDIDATE,
    PREVIOUS,
    Image,
    container_document,
)
from clawbot_agent.features.gateway.errors import GatewayConfigRefusedError, GatewayNotReadyError
from clawbot_agent.features.gateway.readiness import READY_URL
from clawbot_agent.features.gateway.stage import GatewayFacts, GatewayStage
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.docker import DockerCallError
from clawbot_agent.host.http import Answer
from clawbot_agent.host.share_errors import ShareHungError
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState
from tests.fakes import Call, FakeDocker, FakeFiles, FakeGetJson, FakeRun, fake_host
from tests.fakes.config import a_config

CONFIG = a_config()
TAG = CONFIG.image_tag
IMAGE = Image("sha256:1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
READY = Answer(200, {"ready": True})
STARTING = Answer(503, {"ready": False})


def _container(*, age: float = 3600, running: bool = True, **state: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    document = container_document(CONFIG, image=IMAGE, socket_gid=106)
    host = document.pop("HostConfig")
    started = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    shown = {"Running": running, "StartedAt": started, "ExitCode": 0, **state}
    shown.setdefault("FinishedAt", "0001-01-01T00:00:00Z")
    return {"Config": document, "HostConfig": host, "State": shown, "Image": IMAGE.id}


GOOD = GatewayFacts(
    image=IMAGE, socket_gid=106, current=_container(), token_written=None, problem=None, now=NOW
)
REFUSED = replace(
    GOOD,
    current=_container(running=False, ExitCode=78, FinishedAt="2026-11-22T11:50:00.123456789Z"),
    refused=True,
    problem="it does not run",
)
OTHER = _container()
OTHER["HostConfig"] |= {"CapDrop": None, "PortBindings": {}}
NAME = GATEWAY_CONTAINER
BACK = f"rename container {PREVIOUS} to {NAME} (its replacement was interrupted)"
TABLE = {
    "converged": (GOOD, []),
    "bare": (
        GatewayFacts(),
        [f"create {NAME} from {TAG} (missing)"],
    ),
    "stopped": (
        replace(GOOD, current=_container(running=False, ExitCode=137), problem="x"),
        [f"start {NAME} (it ended with status 137)"],
    ),
    "started by hand": (
        replace(GOOD, unmanaged=f"it was started without {GATEWAY_UNIT}"),
        [f"restart {NAME} (it was started without {GATEWAY_UNIT})"],
    ),
    "rejected its configuration": (
        replace(REFUSED, config_written=NOW - timedelta(days=1)),
        [f"leave {NAME} down (it rejected its configuration at 11:50:00)"],
    ),
    "rejected a configuration that has changed since": (
        replace(REFUSED, config_written=NOW - timedelta(minutes=5)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "rejected its configuration with another token": (
        replace(REFUSED, token_written=NOW - timedelta(minutes=5)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "rejected its configuration long ago": (
        replace(REFUSED, now=NOW + timedelta(hours=1)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "rejected the bot data": (
        replace(REFUSED, refused=False),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "rejected its configuration in another image": (
        replace(REFUSED, image=Image("sha256:2")),
        [f"replace {NAME} (differs in Image)"],
    ),
    "drifted": (
        replace(GOOD, current=OTHER),
        [f"replace {NAME} (differs in PortBindings, CapDrop)"],
    ),
    "new image under the same name": (
        replace(GOOD, image=Image("sha256:2")),
        [f"replace {NAME} (differs in Image)"],
    ),
    "still starting": (
        replace(GOOD, current=_container(age=5), problem="503"),
        [f"wait for {NAME}, up to 180 s (it is starting)"],
    ),
    "long running and not ready": (
        replace(GOOD, problem="/readyz answers 200 without it"),
        [f"restart {NAME} (not ready: /readyz answers 200 without it)"],
    ),
    "token written after the start": (
        replace(GOOD, token_written=NOW),
        [f"restart {NAME} (the gateway token changed)"],
    ),
    "token written before the start": (
        replace(GOOD, token_written=NOW - timedelta(days=1)),
        [],
    ),
    "interrupted while testing the candidate": (
        replace(GOOD, candidate=True),
        [f"remove {CANDIDATE} and its state (left by an interrupted replacement)"],
    ),
    "interrupted after the old container was renamed": (
        replace(GOOD, current=None, previous=_container(running=False), problem="x"),
        [BACK, f"start {NAME} (it ended with status 0)"],
    ),
    "interrupted after the new container was created": (
        replace(GOOD, current=_container(running=False), previous=OTHER, problem="x"),
        [
            f"remove container {NAME} (it never became ready)",
            BACK,
            f"replace {NAME} (differs in PortBindings, CapDrop)",
        ],
    ),
    "interrupted while the new container was starting": (
        replace(GOOD, current=_container(age=5), previous=OTHER, problem="x"),
        [
            f"wait for {NAME}, up to 180 s (it is starting)",
            f"remove container {PREVIOUS} (its replacement will be ready)",
        ],
    ),
    "interrupted when the new container was ready": (
        replace(GOOD, previous=OTHER),
        [f"remove container {PREVIOUS} (its replacement is ready)"],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan(facts: GatewayFacts, summaries: list[str]) -> None:
    plan = GatewayStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries


class Machine:
    """A fake Docker with the image, and a gateway whose readiness the test sets."""

    def __init__(self, *answers: Answer) -> None:
        self.docker = FakeDocker(images={TAG: {"Id": IMAGE.id, "Config": {"Env": []}}})
        self.files = FakeFiles()
        self.files.put(DOCKER_SOCKET, kind="socket", gid=106)
        self.files.put("/var/lib/clawbot/state/openclaw.json", '{"a": 1}')
        self.http = FakeGetJson({READY_URL: list(answers)})
        self.run = FakeRun()
        self.unit = "inactive"
        for verb in ("restart", "stop", "show"):
            self.run.effect("systemctl", verb, act=self._systemctl)
        self.run.effect("systemctl", "stop", "--no-block", act=lambda _call: None)
        self.run.answer("journalctl")
        self.host = fake_host(
            docker=self.docker, files=self.files, get_json=self.http, run=self.run
        )

    def _systemctl(self, call: Call) -> Completed | None:
        """Start and stop the container as the unit would."""
        assert GATEWAY_UNIT in call.argv
        if call.argv[1] == "show":
            text = f"LoadState=loaded\nActiveState={self.unit}\nUnitFileState=static\n"
            return Completed(call.argv, 0, text, "")
        self.unit = "inactive"
        if call.argv[1] == "stop":
            if NAME in self.docker.containers:
                self.docker.stop(NAME, timeout=1)
            return None
        self.unit = "active"
        try:
            self.docker.start(NAME)
        except DockerCallError as error:
            self.unit = "failed"
            return Completed(call.argv, 1, "", error.message)
        if not self.docker.containers[NAME]["State"]["Running"]:
            self.unit = "failed"
        return None

    def apply(self) -> None:
        """Apply the stage's plan."""
        for action in GatewayStage().look(self.host, CONFIG).actions:
            action.apply(self.host)

    def serve(self, **host_config: Any) -> None:  # noqa: ANN401 - JSON
        """Start a gateway with other settings."""
        document = container_document(CONFIG, image=IMAGE, socket_gid=106)
        document["HostConfig"] |= host_config
        self.docker.create(NAME, document)
        self.host.units.change("restart", GATEWAY_UNIT)
        self.docker.calls.clear()

    def candidate_answers(self, answer: Answer) -> None:
        """Set the answer of a candidate at its own address."""

        def started(name: str) -> None:
            if name == CANDIDATE:
                networks = {"Networks": {"bridge": {"IPAddress": "172.20.0.9"}}}
                self.docker.containers[name]["NetworkSettings"] = networks

        self.docker.on_start = started
        self.http.answers["http://172.20.0.9:18789/readyz"] = [answer]

    def only_ready(self, container: str) -> None:
        """Let only the container with this id become ready under the gateway's name."""
        prepare = self.docker.on_start

        def started(name: str) -> None:
            prepare(name)
            is_it = self.docker.containers[name]["Id"] == container
            self.http.answers[READY_URL] = [READY if is_it else STARTING]

        self.docker.on_start = started


def test_the_first_container_is_created_without_a_candidate() -> None:
    machine = Machine(STARTING, READY)
    machine.apply()
    assert machine.docker.calls == [("create", NAME), ("start", NAME)]
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_a_replacement_is_tested_before_the_old_container_stops() -> None:
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    machine.candidate_answers(READY)
    machine.apply()
    stopped = machine.docker.calls.index(("stop", NAME))
    assert ("start", CANDIDATE) in machine.docker.calls[:stopped]
    assert set(machine.docker.containers) == {NAME}
    assert machine.files.stat(CANDIDATE_STATE_DIR) is None
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_a_failed_candidate_leaves_the_old_container_running() -> None:
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    machine.candidate_answers(STARTING)
    machine.docker.outputs[CANDIDATE] = "no gateway today\n"
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_NOT_READY"
    assert "no gateway today" in caught.value.message
    assert ("stop", NAME) not in machine.docker.calls
    assert set(machine.docker.containers) == {NAME}
    assert machine.files.stat(CANDIDATE_STATE_DIR) is None


def test_an_exited_candidate_is_not_mistaken_for_the_serving_gateway() -> None:
    """It has no address, and at 0.0.0.0, which is this machine, the old gateway answers."""
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    machine.http.answers["http://0.0.0.0:18789/readyz"] = [READY]
    ended = {"Running": False, "ExitCode": 3}

    def started(name: str) -> None:
        container = machine.docker.containers[name]
        container["State"].update(ended)
        container["NetworkSettings"] = {"Networks": {"bridge": {"IPAddress": ""}}}

    machine.docker.on_start = started
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_EXITED"
    assert ("stop", NAME) not in machine.docker.calls


def test_an_answer_of_another_process_does_not_count() -> None:
    machine = Machine(READY)
    ended = {"Running": False, "ExitCode": 1}
    machine.docker.on_start = lambda name: machine.docker.containers[name]["State"].update(ended)
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_EXITED"


def test_the_old_container_serves_again_when_the_new_one_fails() -> None:
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    old = machine.docker.containers[NAME]["Id"]
    machine.candidate_answers(READY)
    machine.only_ready(old)
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_NOT_READY"
    assert caught.value.message.endswith("; the old container serves again")
    assert machine.docker.containers[NAME]["Id"] == old
    assert machine.docker.containers[NAME]["State"]["Running"]
    assert set(machine.docker.containers) == {NAME}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"ExitCode": 1}, "GATEWAY_EXITED"),
        ({"ExitCode": 78}, "GATEWAY_CONFIG_REFUSED"),
        ({"ExitCode": 137, "OOMKilled": True}, "GATEWAY_OOM"),
    ],
)
def test_an_exit_during_startup_has_its_own_error(state: dict[str, Any], code: str) -> None:
    machine = Machine()
    machine.docker.outputs[NAME] = "its last lines"

    def started(name: str) -> None:
        machine.docker.containers[name]["State"].update({"Running": False, **state})

    machine.docker.on_start = started
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == code
    assert not caught.value.retryable
    assert "its last lines" in caught.value.message


def test_an_html_page_does_not_count_as_ready() -> None:
    """The control UI answers 200 to every path."""
    machine = Machine(Answer(200, {}, "the answer is not JSON"))
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_NOT_READY"


def test_the_process_on_the_port_is_named() -> None:
    machine = Machine()
    refusal = "Bind for 127.0.0.1:18789 failed: port is already allocated"
    machine.docker.refusals["start"] = DockerCallError(f"docker start {NAME}: {refusal}")
    machine.run.answer(
        "ss", stdout='LISTEN 0 5 127.0.0.1:18789 0.0.0.0:* users:(("nginx",pid=7,fd=3))\n'
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "PORT_TAKEN"
    assert "nginx" in caught.value.message


def test_a_replacement_after_a_boot_is_tested_and_rolled_back_too() -> None:
    """Docker does not start the gateway at boot, and many changes arrive with a boot."""
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    old = machine.docker.containers[NAME]["Id"]
    machine.host.units.change("stop", GATEWAY_UNIT)
    machine.candidate_answers(READY)
    machine.only_ready(old)
    with pytest.raises(ClawbotError, match="the old container serves again"):
        machine.apply()
    assert ("start", CANDIDATE) in machine.docker.calls
    assert machine.docker.containers[NAME]["Id"] == old
    assert machine.docker.containers[NAME]["State"]["Running"]


def test_the_rollback_has_its_own_deadline() -> None:
    """The run's deadline may be what was exceeded."""
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    old = machine.docker.containers[NAME]["Id"]
    machine.candidate_answers(READY)
    machine.only_ready(old)
    (replace_it,) = GatewayStage().look(machine.host, CONFIG).actions
    with pytest.raises(ClawbotError) as caught:
        replace_it.apply(machine.host.within(60, label="gateway"))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert caught.value.message.endswith("; the old container serves again")
    assert machine.docker.containers[NAME]["Id"] == old


def test_a_restart_by_systemd_is_waited_for() -> None:
    """The first start with new bot data may fail and the second succeed."""
    machine = Machine(READY)

    def started(name: str) -> None:
        machine.docker.containers[name]["State"].update(Running=False, ExitCode=1)
        machine.docker.on_start = lambda _name: None

    def restarting(_call: Call) -> Completed | None:
        machine.docker.start(NAME)
        machine.unit = "activating"
        return None

    def shown(call: Call) -> Completed | None:
        """Restart the gateway at this moment, as systemd would."""
        if machine.unit == "activating":
            machine.docker.start(NAME)
        return Completed(call.argv, 0, f"ActiveState={machine.unit}\n", "")

    machine.docker.on_start = started
    machine.run.effect("systemctl", "restart", GATEWAY_UNIT, act=restarting)
    machine.run.effect("systemctl", "show", GATEWAY_UNIT, act=shown)
    machine.apply()
    assert machine.docker.calls.count(("start", NAME)) == 2


def test_a_known_rejection_is_reported_again_with_the_last_lines() -> None:
    machine = Machine()
    machine.docker.outputs[NAME] = "no such channel"
    machine.serve()
    machine.host.units.change("stop", GATEWAY_UNIT)
    state = machine.docker.containers[NAME]["State"]
    state |= {"ExitCode": 78, "FinishedAt": machine.host.clock.now().isoformat()}
    machine.docker.calls.clear()
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_CONFIG_REFUSED"
    assert "no such channel" in caught.value.message
    assert machine.docker.calls == []


def test_rejected_bot_data_is_tried_again() -> None:
    """A locked database is enough to fail a migration, with the same exit status."""
    machine = Machine(READY)
    machine.docker.outputs[NAME] = 'Migration step "a" refused execution.'
    machine.serve()
    machine.host.units.change("stop", GATEWAY_UNIT)
    state = machine.docker.containers[NAME]["State"]
    state |= {"ExitCode": 78, "FinishedAt": machine.host.clock.now().isoformat()}
    machine.docker.on_start = lambda name: machine.docker.containers[name]["State"].update(
        {"Running": False, "ExitCode": 78}
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_STATE_REFUSED"
    assert caught.value.retryable
    machine.docker.on_start = lambda _name: None
    machine.apply()
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_a_slow_cpu_is_not_reported_as_a_fault_of_the_bot_data() -> None:
    """Output of OpenClaw 2026.9.6 on an emulated CPU, followed by forty other lines."""
    machine = Machine(READY)
    lost = "agent database maintenance lease core:agent-database-maintenance/global was lost"
    late = "state lease heartbeat did not become ready (phase=startup, trigger=timeout, status=…"
    machine.docker.outputs[NAME] = (
        'Migration step "audit-logs" was not run because "media-persistence" refused execution.\n'
        f"Failing check media-persistence (step-refused): deferred: {lost} | {late}\n"
        'Failing check profile-workspace: Migration step "profile-workspace" was not run.'
    )
    machine.docker.on_start = lambda name: machine.docker.containers[name]["State"].update(
        {"Running": False, "ExitCode": 78}
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_STARVED"
    assert caught.value.retryable
    assert "heartbeat did not become ready (phase=startup" in caught.value.message
    assert "profile-workspace" not in caught.value.message


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("state lease heartbeat did not become ready (phase=startup)", "GATEWAY_STARVED"),
        ("no such plugin", "GATEWAY_NOT_READY"),
    ],
)
def test_the_last_failed_startup_explains_repeated_restarts(reason: str, code: str) -> None:
    """The present startup has not failed yet; OpenClaw 2026.9.6 on an emulated CPU."""
    machine = Machine(STARTING)
    machine.docker.outputs[NAME] = (
        f"2026-11-22T12:00:01.000+00:00 Gateway failed to start: {reason}\n"
        f"2026-11-22T12:01:01.000+00:00 Gateway failed to start: {reason}\n"
        "2026-11-22T12:02:01.000+00:00 [gateway] loading configuration…\n"
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == code
    assert "startup failed 2 times: " in caught.value.message
    assert reason in caught.value.message


def test_last_lines_are_shown_although_docker_recorded_the_start_after_them() -> None:
    """A process that exits at once has written before Docker records its start."""
    machine = Machine()
    machine.serve()
    machine.host.units.change("stop", GATEWAY_UNIT)
    now = machine.host.clock.now()
    written = (now - timedelta(milliseconds=300)).isoformat()
    machine.docker.outputs[NAME] = f"{written} set gateway.mode\n"
    state = machine.docker.containers[NAME]["State"]
    state |= {"ExitCode": 78, "StartedAt": now.isoformat(), "FinishedAt": now.isoformat()}
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert "set gateway.mode" in caught.value.message


def test_output_before_the_last_start_is_ignored() -> None:
    machine = Machine()
    machine.serve()
    machine.host.units.change("stop", GATEWAY_UNIT)
    now = machine.host.clock.now()
    before = (now - timedelta(minutes=5)).isoformat()
    machine.docker.outputs[NAME] = (
        f"{before} database integrity verification passed\n{now.isoformat()} set gateway.mode\n"
    )
    state = machine.docker.containers[NAME]["State"]
    state |= {"ExitCode": 78, "StartedAt": now.isoformat(), "FinishedAt": now.isoformat()}
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_CONFIG_REFUSED"
    assert "integrity" not in caught.value.message


def test_a_stop_includes_a_container_started_by_hand() -> None:
    machine = Machine(READY)
    machine.serve()
    machine.unit = "inactive"
    machine.apply()
    assert machine.docker.calls == [
        ("stop", NAME),
        ("stop", NAME),
        ("start", NAME),
    ]
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_one_slow_answer_does_not_restart_the_gateway() -> None:
    machine = Machine(READY)
    machine.serve()
    machine.http.answers[READY_URL] = [STARTING, READY]
    assert GatewayStage().look(machine.host, CONFIG).empty


SILENT = Answer(0, {}, "TimeoutError: timed out")


def test_a_hung_gateway_is_not_drained() -> None:
    """It would not even handle the signal."""
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    machine.apply()
    # without waiting: systemd's own stop includes the drain
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) in machine.run.argvs
    assert machine.docker.calls[0] == ("stop", NAME)
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_an_unready_gateway_that_responds_is_drained() -> None:
    machine = Machine(STARTING)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    machine.apply()
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) not in machine.run.argvs
    assert GatewayStage().look(machine.host, CONFIG).empty


def test_a_rejected_configuration_does_not_back_off() -> None:
    stage = GatewayStage()
    assert not stage.backs_off(GatewayConfigRefusedError("no"))
    assert stage.backs_off(GatewayNotReadyError("no"))
    assert stage.repairs(RefuseStart("12:00:00")) == "gateway"


def test_a_busy_gateway_that_misses_answers_is_drained() -> None:
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    actions = GatewayStage().look(machine.host, CONFIG).actions
    machine.http.answers[READY_URL] = [SILENT, SILENT, STARTING]
    for action in actions:
        action.apply(machine.host)
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) not in machine.run.argvs


@pytest.mark.parametrize(("age", "alone"), [(24, False), (25, True), (None, False)])
def test_a_gateway_that_waits_for_its_share_is_not_restarted(
    age: int | None, *, alone: bool
) -> None:
    """The new process would wait for the share too, and the sessions would be lost."""
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    actions = GatewayStage().look(machine.host, CONFIG).actions
    now = machine.host.clock.now()
    last = None if age is None else now - timedelta(seconds=age)
    report = LeaseReport(state=LeaseState.HELD, last_heartbeat=last, updated=now)
    LEASE.save(machine.files, report)
    with pytest.raises(ShareHungError) if alone else contextlib.nullcontext():
        for action in actions:
            action.apply(machine.host)
    assert (machine.docker.calls == []) is alone


def test_a_gateway_that_systemd_is_stopping_is_restarted() -> None:
    """As after a canceled shutdown: it still serves and would end after its drain."""
    machine = Machine(READY)
    machine.serve()
    machine.unit = "deactivating"
    plan = GatewayStage().look(machine.host, CONFIG)
    assert [one.summary for one in plan.actions] == [f"restart {NAME} (systemd is stopping it)"]
    machine.apply()
    assert machine.unit == "active"
    assert GatewayStage().look(machine.host, CONFIG).empty
