"""openclaw.json on a fake machine: validated first, the previous file kept."""

import json
from pathlib import Path

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.gateway.config_stage import OpenClawConfigFacts, OpenClawConfigStage
from clawbot_agent.host.docker import RunOnce
from tests.fakes import FakeDocker, FakeFiles, fake_host
from tests.fakes.config import a_config

CONFIG = a_config()
STATE = Path("/var/lib/clawbot/state")
LIVE = STATE / "openclaw.json"
FRAGMENT = Path("/var/lib/clawbot/secrets/openclaw.json")
WRITE = f"validate and write {LIVE}"
VALID = RunOnce(0, "Config valid")


def _good() -> str:
    """Return the content that the stage itself would write."""
    docker, files = FakeDocker(once=[VALID]), FakeFiles()
    host = fake_host(docker=docker, files=files)
    for action in OpenClawConfigStage().look(host, CONFIG).actions:
        action.apply(host)
    return files.read_text(LIVE) or ""


GOOD = _good()
OPEN = json.dumps({**json.loads(GOOD), "gateway": {"bind": "loopback"}, "mine": 1})
UNLOCKED = ", ".join(
    f"gateway.{key}" for key in ("auth", "bind", "mode", "port", "terminal", "trustedProxies")
)
TABLE = {
    "converged": (OpenClawConfigFacts(live=GOOD), []),
    "same content, other layout": (
        OpenClawConfigFacts(live=json.dumps(json.loads(GOOD), sort_keys=True)),
        [],
    ),
    "no file": (OpenClawConfigFacts(), [f"{WRITE} (missing)"]),
    "not JSON5": (
        OpenClawConfigFacts(live="{gateway: {}"),
        [f"{WRITE} (it is not a JSON object)"],
    ),
    "with comments, as OpenClaw allows": (
        OpenClawConfigFacts(live="// mine\n" + GOOD.rstrip()[:-1] + ",}"),
        [],
    ),
    "readable for other users": (
        OpenClawConfigFacts(live=GOOD, private=False),
        [f"{WRITE} (wrong owner or mode)"],
    ),
    "addition in Key Vault": (
        OpenClawConfigFacts(live=GOOD, fragment='{"logging": {"level": "debug"}}'),
        [f"{WRITE} (differs in logging)"],
    ),
    "unlocked": (
        OpenClawConfigFacts(live=OPEN),
        [f"{WRITE} (differs in {UNLOCKED})"],
    ),
    "interrupted run": (
        OpenClawConfigFacts(live=GOOD, leftover=True),
        [f"remove {LIVE}.candidate (left by an interrupted run)"],
    ),
}


@pytest.mark.parametrize(("facts", "summaries"), TABLE.values(), ids=TABLE.keys())
def test_plan(facts: OpenClawConfigFacts, summaries: list[str]) -> None:
    plan = OpenClawConfigStage().plan(facts, CONFIG)
    assert [action.summary for action in plan.actions] == summaries


def test_json5_written_by_hand_is_merged() -> None:
    """The previous file keeps its comments."""
    docker, files = FakeDocker(once=[VALID]), FakeFiles()
    files.write(LIVE, "{ // by hand\n  messages: {prefix: 'yo'}, }", mode=0o600, uid=1000, gid=1000)
    host = fake_host(docker=docker, files=files)
    for action in OpenClawConfigStage().look(host, CONFIG).actions:
        action.apply(host)
    written = json.loads(files.read_text(LIVE) or "")
    assert written["messages"] == {"prefix": "yo"}
    assert written["gateway"]["bind"] == "lan"
    assert "by hand" in (files.read_text(LIVE.with_name("openclaw.json.previous")) or "")


def test_replacing_keeps_the_previous_file_and_converges() -> None:
    docker, files = FakeDocker(once=[VALID]), FakeFiles()
    files.put(LIVE, '{"mine": 1}', mode=0o600, uid=1000, gid=1000)
    host = fake_host(docker=docker, files=files)
    for action in OpenClawConfigStage().look(host, CONFIG).actions:
        action.apply(host)
    assert OpenClawConfigStage().look(host, CONFIG).empty
    assert json.loads(files.read_text(LIVE) or "")["mine"] == 1
    assert files.read_text(LIVE.with_name("openclaw.json.previous")) == '{"mine": 1}'
    assert files.list(STATE) == ("openclaw.json", "openclaw.json.previous")
    stat = files.stat(LIVE)
    assert stat is not None
    assert (stat.uid, stat.gid, stat.mode) == (1000, 1000, 0o600)


def test_validation_is_isolated() -> None:
    """As the gateway's user, without network, with a read-only state directory."""
    docker = FakeDocker(once=[VALID])
    host = fake_host(docker=docker)
    OpenClawConfigStage().look(host, CONFIG).actions[0].apply(host)
    given = docker.configs[""]
    assert given["Image"] == CONFIG.image_tag
    assert given["User"] == "1000:1000"
    assert given["HostConfig"]["NetworkMode"] == "none"
    assert given["HostConfig"]["Binds"] == [f"{STATE}:/home/node/.openclaw:ro"]


def test_a_rejected_file_never_becomes_live() -> None:
    answer = {"valid": False, "issues": [{"path": "gateway.auth", "message": "Unrecognized key"}]}
    docker, files = FakeDocker(once=[RunOnce(1, f"note\n{json.dumps(answer)}")]), FakeFiles()
    files.put(LIVE, '{"mine": 1}')
    files.put(FRAGMENT, '{"key": "canary-value"}')
    host = fake_host(docker=docker, files=files)
    with pytest.raises(ClawbotError) as caught:
        OpenClawConfigStage().look(host, CONFIG).actions[0].apply(host)
    assert caught.value.code == "OPENCLAW_CONFIG_INVALID"
    assert not caught.value.retryable
    assert "gateway.auth: Unrecognized key" in caught.value.message
    assert files.list(STATE) == ("openclaw.json",)
    assert files.read_text(LIVE) == '{"mine": 1}'


def test_output_of_the_validator_is_redacted() -> None:
    docker, files = FakeDocker(once=[RunOnce(1, "bad value canary-value at line 3")]), FakeFiles()
    files.put(FRAGMENT, '{"key": "canary-value"}')
    host = fake_host(docker=docker, files=files)
    with pytest.raises(ClawbotError) as caught:
        OpenClawConfigStage().look(host, CONFIG).actions[0].apply(host)
    assert "canary-value" not in caught.value.message
    assert "at line 3" in caught.value.message


def test_an_unusable_file_is_kept_and_logged() -> None:
    docker, files = FakeDocker(once=[VALID]), FakeFiles()
    files.put(LIVE, "no json", mode=0o600, uid=1000, gid=1000)
    notes: list[str] = []
    host = fake_host(docker=docker, files=files, note=notes.append)
    OpenClawConfigStage().look(host, CONFIG).actions[0].apply(host)
    assert files.read_text(LIVE.with_name("openclaw.json.broken")) == "no json"
    assert len(notes) == 1
    assert "openclaw.json.broken" in notes[0]


def test_a_concurrent_change_by_openclaw_is_not_lost() -> None:
    docker, files = FakeDocker(once=[VALID]), FakeFiles()
    host = fake_host(docker=docker, files=files)
    action = OpenClawConfigStage().look(host, CONFIG).actions[0]
    files.put(LIVE, '{"new": 1}')
    with pytest.raises(ClawbotError) as caught:
        action.apply(host)
    assert caught.value.code == "OPENCLAW_CONFIG_MOVED"
    assert caught.value.retryable
    assert files.read_text(LIVE) == '{"new": 1}'
