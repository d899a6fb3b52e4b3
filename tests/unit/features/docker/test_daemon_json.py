"""Docker's daemon.json, which the stages docker and sysbox write."""

import json

from clawbot_agent.core.paths import DAEMON_JSON
from clawbot_agent.features.docker import daemon_json
from clawbot_agent.features.sysbox.actions import ConfigureEngine
from tests.fakes import FakeDocker, FakeFiles, FakeRun, fake_host

RESTRICTED = json.dumps({"proxies": {"http-proxy": "http://user:password@proxy.test"}})


def test_restricted_mode_is_kept_when_sysbox_is_merged() -> None:
    """The file may hold a proxy's password."""
    files, run = FakeFiles(), FakeRun()
    files.write(DAEMON_JSON, RESTRICTED, mode=0o600)
    run.answer("systemctl", "reload", "docker.service")
    engine = {
        "ServerVersion": "29.1.3",
        "Runtimes": {"runc": {}, "sysbox-runc": {}},
        "DefaultRuntime": "runc",
    }
    host = fake_host(files=files, run=run, docker=FakeDocker(engine=engine))
    ConfigureEngine("0.6.7", None, "the engine does not list it").apply(host)
    found = files.stat(DAEMON_JSON)
    assert found is not None
    assert found.mode == 0o600
    written = json.loads(files.read_text(DAEMON_JSON) or "")
    assert written["proxies"] == json.loads(RESTRICTED)["proxies"]
    assert "sysbox-runc" in written["runtimes"]


def test_new_file_is_world_readable_and_has_several_lines() -> None:
    """Sysbox's package greps for the line with `bip`."""
    files = FakeFiles()
    daemon_json.store(fake_host(files=files), daemon_json.text_of({"bip": "172.20.0.1/16"}))
    found = files.stat(DAEMON_JSON)
    assert found is not None
    assert found.mode == 0o644
    assert '\n    "bip": "172.20.0.1/16"' in (files.read_text(DAEMON_JSON) or "")
