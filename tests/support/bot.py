"""A bot on a bench, driven by the tests."""

import json
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tests.bench import product
from tests.bench.bench import Bench
from tests.bench.cache import Cache

_RUN_SECONDS: Final = 900
_WEB_SECONDS: Final = 20
READY_URL: Final = "http://127.0.0.1:18789/readyz"
# all that tests are known to touch, in some 0.3 s; a run of the agent that finds nothing takes 3 s
_MARK: Final = f"""
exec 2>&1
cd /
docker inspect -f '{{{{.Id}}}} {{{{json .State}}}}' openclaw-gateway
docker ps --all --quiet --no-trunc | sort
docker images --no-trunc --format '{{{{.Repository}}}}:{{{{.Tag}}}} {{{{.ID}}}}' | sort
systemctl list-units --all --plain --no-legend 'clawbot-*' caddy.service docker.service
systemctl list-unit-files --no-legend 'clawbot-*'
curl --silent --max-time 5 --header 'X-Forwarded-For: 203.0.113.9' {READY_URL} | jq .ready
curl --silent --max-time 5 --output /dev/null --write-out '%{{http_code}}\\n' http://127.0.0.1/
jq .result /var/lib/clawbot/status.json
md5sum /var/lib/clawbot/state/openclaw.json /var/lib/dpkg/status /etc/clawbot/config.yaml
ip -4 -oneline address; iptables -S; cut -d' ' -f1-4 /proc/mounts
find /etc /opt/clawbot /root /run/systemd/system /srv/clawbot /var/lib/clawbot \\
    "(" -path /var/lib/clawbot/state -o -name __pycache__ ")" -prune -o \\
    -type d -printf '%p %m %U\\n' -o \\
    ! -name status.json ! -name config.yaml -printf '%p %m %U %s %T@\\n'
find /run/clawbot -printf '%p %m %U\\n'
"""


def _canary(what: str) -> str:
    return f"canary-{what}-{secrets.token_urlsafe(24)}"


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a clawbot-agent command."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """Return its standard output as JSON."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    def stage(self, name: str) -> dict[str, Any]:
        """Return a stage in the document of a run or a plan."""
        return next(stage for stage in self.document["stages"] if stage["name"] == name)

    def states(self) -> dict[str, str]:
        """Return each stage's state (run) or verdict (plan)."""
        return {s["name"]: s.get("state") or s["verdict"] for s in self.document["stages"]}


@dataclass(slots=True)
class Bot:
    """A machine on which the agent is installed.

    Attributes:
        bench: machine and Azure.
        token: the gateway token, a canary.
        inner: a canary in the configuration fragment in Key Vault.
    """

    bench: Bench
    token: str = field(default_factory=lambda: _canary("token"))
    inner: str = field(default_factory=lambda: _canary("config"))
    _mark: str = ""

    def install(self) -> None:
        """Install the product and store the secrets."""
        archive, _ = product.release(Cache(self.bench.cache_dir))
        product.install(self.bench, archive)
        self.store_secrets()

    def store_secrets(self) -> None:
        """Store both canaries in the Key Vault."""
        fragment = json.dumps({"env": {"vars": {"BENCH_API_KEY": self.inner}}})
        values = {product.TOKEN_SECRET: self.token, product.CONFIG_SECRET: fragment}
        self.bench.azure.set("keyvault", secrets=values)

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Write the bench's configuration with these changes."""
        config = product.configuration(self.bench, **sections)
        product.configure(self.bench, product.as_yaml(config))

    def agent(self, *arguments: str, timeout: float = _RUN_SECONDS) -> Done:
        """Run `clawbot-agent` with these arguments."""
        began = time.monotonic()
        done = self.bench.exec(("clawbot-agent", *arguments), timeout=timeout)
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def run(self, stage: str = "all") -> Done:
        """`run --stage STAGE --json`."""
        return self.agent("run", "--stage", stage, "--json")

    def plan(self, *options: str) -> Done:
        """`plan --json`."""
        return self.agent("plan", "--json", *options)

    def settle(self) -> None:
        """Have it converged, with the configuration that it has.

        Where the machine looks as it did after the last time, no run of the agent is needed.

        Raises:
            AssertionError: a run ended otherwise.
        """
        if self._mark and self._look() == self._mark:
            return
        run = self.run()
        assert run.code == 0, run.stdout + run.stderr
        assert run.document["result"] == "converged", run.stdout
        self._mark = self._look()

    def _look(self) -> str:
        return self.bench.exec(_MARK, timeout=120).stdout

    def sh(self, command: str, *, timeout: float = 120) -> str:
        """Return the output of a shell command on the machine, which must succeed."""
        done = self.bench.exec(command, timeout=timeout)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def events(self) -> list[dict[str, Any]]:
        """Return all of events.jsonl."""
        path = self.bench.root / "var/log/clawbot/events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    # --- as a client on the internet ---------------------------------------------

    def page(self, path: str = "/", **headers: str) -> requests.Response:
        """GET through Caddy on port 80."""
        url = f"http://{self.bench.address}{path}"
        return requests.get(url, timeout=_WEB_SECONDS, headers=headers, allow_redirects=False)

    def upgrade(self) -> str:
        """Return the status line of the answer to a WebSocket upgrade through Caddy."""
        address = self.bench.address
        lines = (
            "GET / HTTP/1.1",
            f"Host: {address}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        with socket.create_connection((address, 80), timeout=_WEB_SECONDS) as connection:
            connection.sendall("\r\n".join((*lines, "", "")).encode())
            return connection.recv(4096).decode(errors="replace").partition("\r\n")[0]

    def ready(self) -> dict[str, Any]:
        """Return the gateway's /readyz, requested on the machine; empty without an answer.

        The request comes from the bridge, a trusted proxy, so it needs an X-Forwarded-For header.
        """
        script = (
            "import urllib.request as u\n"
            f"ask = u.Request('{READY_URL}', headers={{'X-Forwarded-For': '203.0.113.9'}})\n"
            "try: print(u.urlopen(ask, timeout=3).read().decode())\n"
            "except Exception: print('{}')"
        )
        done = self.bench.exec(("python3", "-c", script), timeout=30)
        try:
            found: dict[str, Any] = json.loads(done.stdout or "{}")
        except ValueError:
            return {}
        return found

    def seconds_until_ready(self, *, within: float) -> float:
        """Wait until /readyz reports ready; return the seconds that it took.

        Raises:
            AssertionError: not within that many seconds.
        """
        began = time.monotonic()
        while time.monotonic() - began < within:
            if self.ready().get("ready") is True:
                return time.monotonic() - began
            time.sleep(0.2)
        msg = f"gateway: not ready after {within} s"
        raise AssertionError(msg)
