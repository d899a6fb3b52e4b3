"""The planner of the stage container as a table, and its switch on a fake engine."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clawbot_agent.core.constants import GATEWAY_CONTAINER, GATEWAY_UNIT
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CANDIDATE_STATE_DIR, DOCKER_SOCKET, LEASE_FILE
from clawbot_agent.features.gateway.actions import RefuseStart
from clawbot_agent.features.gateway.container_spec import Image, container_document
from clawbot_agent.features.gateway.errors import GatewayConfigRefusedError, GatewayNotReadyError
from clawbot_agent.features.gateway.gateway import CANDIDATE, PREVIOUS, READY_URL
from clawbot_agent.features.gateway.stage import ContainerFacts, ContainerStage
from clawbot_agent.features.lease.report import LeaseReport, LeaseState
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.docker import DockerCallError
from clawbot_agent.host.http import Answer
from clawbot_agent.host.share_errors import ShareHungError
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


GOOD = ContainerFacts(
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
    "as it should be": (GOOD, []),
    "nothing at all": (
        ContainerFacts(),
        [f"create {NAME} from {TAG} (there is none)"],
    ),
    "stopped": (
        replace(GOOD, current=_container(running=False, ExitCode=137), problem="x"),
        [f"start {NAME} (it ended with status 137)"],
    ),
    "started by hand": (
        replace(GOOD, unkept=f"it was started without {GATEWAY_UNIT}"),
        [f"restart {NAME} (it was started without {GATEWAY_UNIT})"],
    ),
    "refused its configuration": (
        replace(REFUSED, config_written=NOW - timedelta(days=1)),
        [f"leave {NAME} down (it refused its configuration at 11:50:00)"],
    ),
    "refused a configuration that is another now": (
        replace(REFUSED, config_written=NOW - timedelta(minutes=5)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "refused its configuration with another token": (
        replace(REFUSED, token_written=NOW - timedelta(minutes=5)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "refused its configuration long ago": (
        replace(REFUSED, now=NOW + timedelta(hours=1)),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "refused its state": (
        replace(REFUSED, refused=False),
        [f"start {NAME} (it ended with status 78)"],
    ),
    "refused its configuration in another shape": (
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
    "killed while proving": (
        replace(GOOD, candidate=True),
        [f"remove {CANDIDATE} and its state (left by an interrupted replacement)"],
    ),
    "killed after the old one was renamed": (
        replace(GOOD, current=None, previous=_container(running=False), problem="x"),
        [BACK, f"start {NAME} (it ended with status 0)"],
    ),
    "killed after the new one was created": (
        replace(GOOD, current=_container(running=False), previous=OTHER, problem="x"),
        [
            f"remove container {NAME} (it never became ready)",
            BACK,
            f"replace {NAME} (differs in PortBindings, CapDrop)",
        ],
    ),
    "killed while the new one was starting": (
        replace(GOOD, current=_container(age=5), previous=OTHER, problem="x"),
        [
            f"wait for {NAME}, up to 180 s (it is starting)",
            f"remove container {PREVIOUS} (its replacement is ready then)",
        ],
    ),
    "killed when the new one was ready": (
        replace(GOOD, previous=OTHER),
        [f"remove container {PREVIOUS} (its replacement is ready)"],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan(facts: ContainerFacts, summaries: list[str]) -> None:
    plan = ContainerStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries


class Machine:
    """A fake engine with the image, and a gateway whose readiness a test sets."""

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
        """The unit as systemd would have it."""
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
        """What the stage would do."""
        for action in ContainerStage().look(self.host, CONFIG).actions:
            action.apply(self.host)

    def serve(self, **host_config: Any) -> None:  # noqa: ANN401 - JSON
        """A gateway that somebody made in another way."""
        document = container_document(CONFIG, image=IMAGE, socket_gid=106)
        document["HostConfig"] |= host_config
        self.docker.create(NAME, document)
        self.host.units.change("restart", GATEWAY_UNIT)
        self.docker.calls.clear()

    def candidate_answers(self, answer: Answer) -> None:
        """Have a candidate answer so at its own address."""

        def started(name: str) -> None:
            if name == CANDIDATE:
                networks = {"Networks": {"bridge": {"IPAddress": "172.20.0.9"}}}
                self.docker.containers[name]["NetworkSettings"] = networks

        self.docker.on_start = started
        self.http.answers["http://172.20.0.9:18789/readyz"] = [answer]

    def only_ready(self, container: str) -> None:
        """In the gateway's place, only the container of that id becomes ready."""
        prepare = self.docker.on_start

        def started(name: str) -> None:
            prepare(name)
            is_it = self.docker.containers[name]["Id"] == container
            self.http.answers[READY_URL] = [READY if is_it else STARTING]

        self.docker.on_start = started


def test_the_first_one_is_created_without_a_candidate() -> None:
    machine = Machine(STARTING, READY)
    machine.apply()
    assert machine.docker.calls == [("create", NAME), ("start", NAME)]
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_a_replacement_is_proven_before_the_old_one_stops() -> None:
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    machine.candidate_answers(READY)
    machine.apply()
    stopped = machine.docker.calls.index(("stop", NAME))
    assert ("start", CANDIDATE) in machine.docker.calls[:stopped]
    assert set(machine.docker.containers) == {NAME}
    assert machine.files.stat(CANDIDATE_STATE_DIR) is None
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_a_candidate_that_fails_leaves_the_old_one_alone() -> None:
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


def test_a_candidate_that_ends_at_once_is_not_taken_for_the_one_that_serves() -> None:
    """Ended, it has no address, and 0.0.0.0 is this machine, where the old one answers."""
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


def test_what_another_program_answers_is_not_the_gateways() -> None:
    machine = Machine(READY)
    ended = {"Running": False, "ExitCode": 1}
    machine.docker.on_start = lambda name: machine.docker.containers[name]["State"].update(ended)
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_EXITED"


def test_when_the_new_one_fails_in_its_place_the_old_one_serves_again() -> None:
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
def test_a_gateway_that_ends_while_it_starts(state: dict[str, Any], code: str) -> None:
    machine = Machine()
    machine.docker.outputs[NAME] = "its last words"

    def started(name: str) -> None:
        machine.docker.containers[name]["State"].update({"Running": False, **state})

    machine.docker.on_start = started
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == code
    assert not caught.value.retryable
    assert "its last words" in caught.value.message


def test_a_page_instead_of_json_is_not_ready() -> None:
    """The control UI answers 200 to every path."""
    machine = Machine(Answer(200, {}, "the answer is not JSON"))
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "GATEWAY_NOT_READY"


def test_a_taken_port_is_named_with_its_holder() -> None:
    machine = Machine()
    words = "Bind for 127.0.0.1:18789 failed: port is already allocated"
    machine.docker.refusals["start"] = DockerCallError(f"docker start {NAME}: {words}")
    machine.run.answer(
        "ss", stdout='LISTEN 0 5 127.0.0.1:18789 0.0.0.0:* users:(("nginx",pid=7,fd=3))\n'
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == "PORT_TAKEN"
    assert "nginx" in caught.value.message


def test_after_a_boot_too_a_replacement_is_proven_and_the_old_one_started_again() -> None:
    """Docker does not start the gateway at boot, and a boot is when changes arrive."""
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


def test_going_back_has_time_of_its_own() -> None:
    """The time of the run may be what ran out."""
    machine = Machine(READY)
    machine.serve(CapDrop=[])
    old = machine.docker.containers[NAME]["Id"]
    machine.candidate_answers(READY)
    machine.only_ready(old)
    (replace_it,) = ContainerStage().look(machine.host, CONFIG).actions
    with pytest.raises(ClawbotError) as caught:
        replace_it.apply(machine.host.within(60, label="gateway"))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert caught.value.message.endswith("; the old container serves again")
    assert machine.docker.containers[NAME]["Id"] == old


def test_what_systemd_starts_again_is_waited_for() -> None:
    """The first start of a state may end with an error, the second not."""
    machine = Machine(READY)

    def started(name: str) -> None:
        machine.docker.containers[name]["State"].update(Running=False, ExitCode=1)
        machine.docker.on_start = lambda _name: None

    def restarting(_call: Call) -> Completed | None:
        machine.docker.start(NAME)
        machine.unit = "activating"
        return None

    def shown(call: Call) -> Completed | None:
        """As if systemd started it at this moment."""
        if machine.unit == "activating":
            machine.docker.start(NAME)
        return Completed(call.argv, 0, f"ActiveState={machine.unit}\n", "")

    machine.docker.on_start = started
    machine.run.effect("systemctl", "restart", GATEWAY_UNIT, act=restarting)
    machine.run.effect("systemctl", "show", GATEWAY_UNIT, act=shown)
    machine.apply()
    assert machine.docker.calls.count(("start", NAME)) == 2


def test_a_refusal_is_told_again_with_the_last_words() -> None:
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


def test_a_refused_state_is_tried_again() -> None:
    """A locked database is enough for OpenClaw to refuse a migration, with the same status."""
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
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_a_processor_that_is_too_slow_is_no_fault_of_the_state() -> None:
    """OpenClaw's words, 2026.9.6 on an emulated processor; forty lines of others follow them."""
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
    ("words", "code"),
    [
        ("state lease heartbeat did not become ready (phase=startup)", "GATEWAY_STARVED"),
        ("no such plugin", "GATEWAY_NOT_READY"),
    ],
)
def test_one_that_systemd_starts_again_and_again_is_told_by_how_it_fails(
    words: str, code: str
) -> None:
    """The present start has not come that far yet; OpenClaw 2026.9.6 on an emulated processor."""
    machine = Machine(STARTING)
    machine.docker.outputs[NAME] = (
        f"2026-11-22T12:00:01.000+00:00 Gateway failed to start: {words}\n"
        f"2026-11-22T12:01:01.000+00:00 Gateway failed to start: {words}\n"
        "2026-11-22T12:02:01.000+00:00 [gateway] loading configuration…\n"
    )
    with pytest.raises(ClawbotError) as caught:
        machine.apply()
    assert caught.value.code == code
    assert "in which it failed 2 times: " in caught.value.message
    assert words in caught.value.message


def test_last_words_are_told_although_the_engine_noted_the_start_after_them() -> None:
    """One that ends at once has written before the engine has the time of its start."""
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


def test_what_it_wrote_before_its_last_start_explains_nothing() -> None:
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


def test_a_stop_includes_what_was_started_by_hand() -> None:
    machine = Machine(READY)
    machine.serve()
    machine.unit = "inactive"
    machine.apply()
    assert machine.docker.calls == [
        ("stop", NAME),
        ("stop", NAME),
        ("start", NAME),
    ]
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_one_slow_answer_restarts_nothing() -> None:
    machine = Machine(READY)
    machine.serve()
    machine.http.answers[READY_URL] = [STARTING, READY]
    assert ContainerStage().look(machine.host, CONFIG).empty


SILENT = Answer(0, {}, "TimeoutError: timed out")


def test_one_that_answers_nobody_is_cut_off_and_not_drained() -> None:
    """It would not even see the signal that asks it to end."""
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    machine.apply()
    # not to be waited for: systemd's own stop is the drain
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) in machine.run.argvs
    assert machine.docker.calls[0] == ("stop", NAME)
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_one_that_answers_but_is_not_ready_may_finish_what_it_does() -> None:
    machine = Machine(STARTING)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    machine.apply()
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) not in machine.run.argvs
    assert ContainerStage().look(machine.host, CONFIG).empty


def test_a_refused_configuration_has_a_pace_of_its_own() -> None:
    stage = ContainerStage()
    assert not stage.paced(GatewayConfigRefusedError("no"))
    assert stage.paced(GatewayNotReadyError("no"))
    assert stage.repairs(RefuseStart("12:00:00")) == "gateway"


def test_a_busy_one_that_misses_an_answer_keeps_its_sessions() -> None:
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    actions = ContainerStage().look(machine.host, CONFIG).actions
    machine.http.answers[READY_URL] = [SILENT, SILENT, STARTING]
    for action in actions:
        action.apply(machine.host)
    assert ("systemctl", "stop", "--no-block", GATEWAY_UNIT) not in machine.run.argvs


@pytest.mark.parametrize(("beat", "alone"), [(24, False), (25, True), (None, False)])
def test_one_that_waits_for_its_share_is_left_alone(beat: int | None, *, alone: bool) -> None:
    """A restart would wait for it as well, and its sessions would be gone."""
    machine = Machine(SILENT)
    machine.serve()
    machine.docker.on_start = lambda _name: machine.http.answers.update({READY_URL: [READY]})
    actions = ContainerStage().look(machine.host, CONFIG).actions
    now = machine.host.clock.now()
    last = None if beat is None else now - timedelta(seconds=beat)
    report = LeaseReport(state=LeaseState.HELD, last_beat=last, updated=now)
    machine.files.put(LEASE_FILE, report.document())
    with pytest.raises(ShareHungError) if alone else contextlib.nullcontext():
        for action in actions:
            action.apply(machine.host)
    assert (machine.docker.calls == []) is alone


def test_one_that_systemd_is_stopping_is_started_again() -> None:
    """As after an end that was called off: it still serves, and would be gone after its drain."""
    machine = Machine(READY)
    machine.serve()
    machine.unit = "deactivating"
    plan = ContainerStage().look(machine.host, CONFIG)
    assert [one.summary for one in plan.actions] == [f"restart {NAME} (systemd is stopping it)"]
    machine.apply()
    assert machine.unit == "active"
    assert ContainerStage().look(machine.host, CONFIG).empty
