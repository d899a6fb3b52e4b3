"""Docker's daemon.json, which two stages write: one way to read it, one way to store it."""

import json

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.features.docker import daemon_json
from clawbot_agent.features.sysbox.engine import ConfigureEngine
from tests.fakes import FakeDocker, FakeFiles, FakeRun, fake_host

CLOSED = json.dumps({"proxies": {"http-proxy": "http://user:password@proxy.test"}})


def test_whoever_closed_it_keeps_it_closed() -> None:
    """It may hold a proxy's password; Sysbox's entry is merged into it all the same."""
    files, run = FakeFiles(), FakeRun()
    files.write(DAEMON_JSON, CLOSED, mode=0o600)
    run.answer("systemctl", "reload", "docker.service")
    engine = {
        "ServerVersion": "29.1.3",
        "Runtimes": {"runc": {}, "sysbox-runc": {}},
        "DefaultRuntime": "runc",
    }
    host = fake_host(files=files, run=run, docker=FakeDocker(engine=engine))
    ConfigureEngine("0.6.7", None, "the engine does not know it").apply(host)
    found = files.stat(DAEMON_JSON)
    assert found is not None
    assert found.mode == 0o600
    written = json.loads(files.read_text(DAEMON_JSON) or "")
    assert written["proxies"] == json.loads(CLOSED)["proxies"]
    assert "sysbox-runc" in written["runtimes"]


def test_a_new_one_is_readable_and_has_several_lines() -> None:
    """Sysbox's package finds `bip` with a line-wise grep."""
    files = FakeFiles()
    daemon_json.store(fake_host(files=files), daemon_json.text_of({"bip": "172.20.0.1/16"}))
    found = files.stat(DAEMON_JSON)
    assert found is not None
    assert found.mode == 0o644
    assert '\n    "bip": "172.20.0.1/16"' in (files.read_text(DAEMON_JSON) or "")
