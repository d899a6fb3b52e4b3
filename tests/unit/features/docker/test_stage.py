"""Plans and actions of the stage docker."""

import json
from typing import Any

import pytest

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.features.docker.stage import DaemonConfigRefusedError, DockerFacts, DockerStage
from clawbot_agent.host.docker import DockerUnavailableError
from tests.fakes.config import a_config
from tests.fakes.docker import FakeDocker
from tests.fakes.files import FakeFiles
from tests.fakes.host import fake_host
from tests.fakes.run import FakeRun

CONFIG = a_config()
GOOD: dict[str, Any] = {
    "bip": "172.20.0.1/16",
    "default-address-pools": [{"base": "172.25.0.0/16", "size": 24}],
    "log-driver": "json-file",
    "log-opts": {"max-size": "10m", "max-file": "3"},
}
START = "enable docker.service"


def _facts(found: dict[str, Any] | str | None = GOOD, **changes: Any) -> DockerFacts:  # noqa: ANN401 - fields of the facts
    text = json.dumps(found) if isinstance(found, dict) else found
    values: dict[str, Any] = {
        "daemon_json": text,
        "installed": True,
        "running": True,
        "enabled": True,
        "bridge": "172.20.0.1",
        "pools": (("172.25.0.0/16", 24),),
    }
    return DockerFacts(**(values | changes))


WRITE = "write /etc/docker/daemon.json"
RESTART = ", then restart docker"
TABLE = {
    "converged": (_facts(), []),
    "package not installed": (
        _facts(None, installed=False, running=False, enabled=False, bridge=None, pools=()),
        [
            f"{WRITE} (bip, default-address-pools, log-driver, log-opts)",
            f"{START} (installed by stage apt)",
        ],
    ),
    "installed, not yet started": (
        _facts(None, running=False, bridge=None, pools=()),
        [
            f"{WRITE} (bip, default-address-pools, log-driver, log-opts)",
            f"{START} (not running)",
        ],
    ),
    "different bridge in the file": (
        _facts(GOOD | {"bip": "172.17.0.1/16"}),
        [f"{WRITE} (bip){RESTART}"],
    ),
    "file correct, engine runs with a different bridge": (
        _facts(bridge="172.17.0.1"),
        [f"{WRITE} (the engine runs with different networks){RESTART}"],
    ),
    "file correct, engine runs with different pools": (
        _facts(pools=()),
        [f"{WRITE} (the engine runs with different networks){RESTART}"],
    ),
    "keys of the operator": (_facts(GOOD | {"runtimes": {"x": {"path": "/x"}}}), []),
    "log options of the operator": (
        _facts(GOOD | {"log-opts": {**GOOD["log-opts"], "labels": "a"}}),
        [],
    ),
    "not JSON": (
        _facts("{bip"),
        [
            "write /etc/docker/daemon.json.broken (not a JSON object)",
            f"{WRITE} (bip, default-address-pools, log-driver, log-opts){RESTART}",
        ],
    ),
    "stopped": (
        _facts(running=False, bridge=None, pools=()),
        [f"{START} (not running)"],
    ),
    "undefined default runtime": (
        _facts(GOOD | {"default-runtime": "sysbox-runc"}, running=False, bridge=None, pools=()),
        [f"{WRITE} (default-runtime sysbox-runc is not defined)", f"{START} (not running)"],
    ),
    "defined default runtime": (
        _facts(
            GOOD
            | {"default-runtime": "sysbox-runc", "runtimes": {"sysbox-runc": {"path": "/usr/x"}}}
        ),
        [],
    ),
    "runc as default runtime": (_facts(GOOD | {"default-runtime": "runc"}), []),
}


@pytest.mark.parametrize("case", TABLE)
def test_plan(case: str) -> None:
    facts, summaries = TABLE[case]
    plan = DockerStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries
    assert plan.reason


def test_other_keys_are_kept_and_the_file_has_several_lines() -> None:
    """Sysbox's package greps for the line with `bip`."""
    found = GOOD | {"bip": "172.17.0.1/16", "dns": ["168.63.129.16"]}
    found["log-opts"] = {"labels": "a", "max-size": "1g"}
    files = FakeFiles()
    host = fake_host(files=files)
    plan = DockerStage().plan(_facts(found, running=False, bridge=None, pools=()), CONFIG)
    plan.actions[0].apply(host)
    text = files.read_text(DAEMON_JSON) or ""
    written = json.loads(text)
    assert written["dns"] == ["168.63.129.16"]
    assert written["log-opts"] == {"labels": "a", "max-size": "10m", "max-file": "3"}
    assert '\n    "bip": "172.20.0.1/16"' in text


def test_previous_file_is_restored_when_the_engine_does_not_start() -> None:
    """The engine is restarted with it."""
    run = FakeRun()
    run.answer("systemctl", "restart", "docker.service", returncode=1, stderr="start failed")
    run.answer("systemctl", "restart", "docker.service")
    run.answer("systemctl", "reset-failed", "docker.service")
    run.answer("journalctl", stdout="bad bip")
    files = FakeFiles()
    old = json.dumps({"bip": "172.17.0.1/16"})
    files.write(DAEMON_JSON, old, mode=0o644)
    plan = DockerStage().plan(_facts(old), CONFIG)
    with pytest.raises(DaemonConfigRefusedError, match="bad bip"):
        plan.actions[0].apply(fake_host(files=files, run=run))
    assert files.read_text(DAEMON_JSON) == old
    restarts = [call for call in run.calls if call.argv[:2] == ("systemctl", "restart")]
    assert len(restarts) == 2


def test_engine_that_does_not_answer_is_not_drift() -> None:
    """A restart would stop the gateway and every sandbox."""
    run = FakeRun()
    run.unit("docker.service")
    with pytest.raises(DockerUnavailableError):
        DockerStage().look(fake_host(run=run, docker=FakeDocker(up=False)), CONFIG)


def test_options_of_another_log_driver_are_removed() -> None:
    """The engine would not start with them."""
    files = FakeFiles()
    found = GOOD | {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://x"}}
    plan = DockerStage().plan(_facts(found, running=False, bridge=None, pools=()), CONFIG)
    plan.actions[0].apply(fake_host(files=files))
    assert json.loads(files.read_text(DAEMON_JSON) or "")["log-opts"] == GOOD["log-opts"]
