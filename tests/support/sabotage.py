"""Damages a finished bot in many ways and checks that its tests notice each damage.

    python -m tests.support.sabotage NAME

NAME is a running bench with a converged bot. Each damage is undone; a final run of the agent
repairs the rest. Not a pytest test: it takes minutes and tests the tests.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.bench import Bench

_ROOT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 400
_SECRETS: Final = "/var/lib/clawbot/secrets"
_TOKEN: Final = f"{_SECRETS}/gateway/token"
_LISTEN: Final = (
    "import socket, time\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_{kind})\n"
    's.bind(("{address}", {port}))\n'
    "{listen}time.sleep(300)"
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to break a bot.

    Attributes:
        noticed_by: the test that must fail.
        do, undo: shell commands.
    """

    noticed_by: str
    do: str
    undo: str


def _unit(verb: str, back: str, unit: str, noticed_by: str) -> Damage:
    return Damage(noticed_by, f"systemctl {verb} {unit}", f"systemctl {back} {unit}")


def _mode(path: str, bad: str, good: str, noticed_by: str = "modes_and_owners") -> Damage:
    return Damage(noticed_by, f"chmod {bad} {path}", f"chmod {good} {path}")


def _listener(noticed_by: str, *, address: str, port: int, kind: str = "STREAM") -> Damage:
    script = _LISTEN.format(
        kind=kind, address=address, port=port, listen="s.listen()\n" if kind == "STREAM" else ""
    )
    start = f"systemd-run --quiet --unit=sabotage python3 -c '{script}'; sleep 1"
    return Damage(noticed_by, start, "systemctl stop sabotage")


def _container(noticed_by: str, options: str, image: str = "clawbot/openclaw:2026.9.6") -> Damage:
    """Replace the gateway's container; the test reads its properties and sends no request."""
    name = "openclaw-gateway"
    return Damage(
        noticed_by,
        f"systemctl stop clawbot-gateway; docker rename {name} kept && "
        f"docker run --detach --name {name} --entrypoint sleep {options} {image} 300",
        f"docker rm --force {name}; docker rename kept {name}; systemctl start clawbot-gateway",
    )


DAMAGES: Final = (
    Damage(
        "packages_are_installed",
        "dpkg --remove --force-depends jq curl",
        "clawbot-agent run --stage apt",
    ),
    _unit("disable", "enable", "clawbot-reconcile.timer", "test_unit_is_enabled"),
    _unit("disable", "enable", "caddy", "test_unit_is_enabled"),
    _unit("disable", "enable", "docker", "test_unit_is_enabled"),
    _unit("stop", "start", "clawbot-reconcile.timer", "unit_is_running"),
    _unit("stop", "start", "clawbot-sidecar", "unit_is_running"),
    _unit("stop", "start", "clawbot-events", "unit_is_running"),
    _unit("stop", "start", "caddy", "unit_is_running"),
    Damage(
        "no_unit_failed",
        "systemd-run --quiet --unit=sabotage false; sleep 1",
        "systemctl reset-failed sabotage",
    ),
    Damage(
        "journal_has_no_traceback",
        "echo 'Traceback (most recent call last):' | systemd-cat; systemd-run --quiet --wait "
        "--unit=clawbot-sabotage echo Traceback",
        "journalctl --rotate --vacuum-time=1s --quiet",
    ),
    _mode(_TOKEN, "444", "400"),
    _mode(_SECRETS, "755", "700"),
    _mode(f"{_SECRETS}/gateway", "755", "500"),
    _mode("/var/lib/clawbot/state/openclaw.json", "644", "600"),
    _mode("/var/lib/clawbot/state", "755", "700"),
    _mode("/var/lib/clawbot/status.json", "600", "644"),
    Damage("modes_and_owners", f"chown 0:0 {_TOKEN}", f"chown 1000:1000 {_TOKEN}"),
    _mode("/etc/clawbot/config.yaml", "666", "644", "only_root_can_write"),
    _mode("/etc/caddy/Caddyfile", "664", "644", "only_root_can_write"),
    _mode("/etc/systemd/system/clawbot-agent.service", "666", "644", "only_root_can_write"),
    Damage(
        "token_is_in_no_other_file",
        f"cp {_TOKEN} /var/log/sabotage",
        "rm --force /var/log/sabotage",
    ),
    Damage(
        "token_is_not_shown",
        f"systemd-cat cat {_TOKEN}; sleep 1",
        "journalctl --rotate --vacuum-time=1s --quiet",
    ),
    _listener("no_other_port_is_open", address="", port=2019),
    _listener("no_other_port_is_open", address="", port=5355, kind="DGRAM"),
    _listener("gateway_listens_on_loopback_only", address="127.0.0.2", port=18789),
    _listener("sidecar_listens_on_loopback_only", address="127.0.0.2", port=18790),
    Damage("page_is_served", "systemctl stop caddy", "systemctl start caddy"),
    Damage("websocket_opens", "systemctl stop clawbot-gateway", "systemctl start clawbot-gateway"),
    Damage(
        "headers_do_not_name_the_server",
        "sed -i '/-Server/d; /nosniff/d' /etc/caddy/Caddyfile; systemctl restart caddy; sleep 1",
        "clawbot-agent run --stage caddy",
    ),
    Damage("gateway_is_ready", "docker pause openclaw-gateway", "docker unpause openclaw-gateway"),
    _container("container_has_no_privileges", "--cap-add NET_ADMIN"),
    _container("processes_have_no_privileges", "--user 0"),
    _container("docker_does_not_restart_the_container", "--restart on-failure"),
    _container("port_is_published_on_loopback_only", "--publish 18789:18789"),
    _container("only_state_and_gateway_secrets_are_mounted", f"--volume {_SECRETS}:/secrets"),
    _container("container_runs_the_tagged_image", "--label org.clawbot.image=another"),
    _container("stop_timeout_is_long_enough", "--stop-timeout 10"),
    Damage(
        "no_other_gateway_container_exists",
        "docker create --name openclaw-gateway-candidate clawbot/openclaw:2026.9.6",
        "docker rm openclaw-gateway-candidate",
    ),
    Damage(
        "daemon_json_has_the_configured_values",
        "sed --in-place=.kept 's/10m/1m/' /etc/docker/daemon.json",
        "mv /etc/docker/daemon.json.kept /etc/docker/daemon.json",
    ),
    Damage(
        "plan_is_empty",
        "echo '# mine' >> /etc/caddy/Caddyfile",
        "clawbot-agent run --stage caddy",
    ),
    Damage(
        "last_run_converged",
        "sed --in-place=.kept 's/converged/degraded/' /var/lib/clawbot/status.json",
        "mv /var/lib/clawbot/status.json.kept /var/lib/clawbot/status.json",
    ),
    Damage(
        "last_run_was_in_this_boot",
        'sed --in-place=.kept \'s/"boot_id": *"....../"boot_id":"000000/\' '
        "/var/lib/clawbot/status.json",
        "mv /var/lib/clawbot/status.json.kept /var/lib/clawbot/status.json",
    ),
    Damage(
        "state_has_openclaws_files",
        "mv /var/lib/clawbot/state/state /var/lib/clawbot/state/elsewhere",
        "mv /var/lib/clawbot/state/elsewhere /var/lib/clawbot/state/state",
    ),
)


def main(name: str) -> int:
    """Apply each damage; return 1 if one was not noticed."""
    bench = Bench(name)
    unnoticed = []
    for damage in DAMAGES:
        _wait_until_whole(name, damage.noticed_by)
        done = bench.exec(damage.do, timeout=_SECONDS)
        try:
            noticed = done.returncode == 0 and not _passes(name, damage.noticed_by)
        finally:
            bench.exec(damage.undo, timeout=_SECONDS)
        _say(f"{'noticed  ' if noticed else 'UNNOTICED'} {damage.noticed_by}: {damage.do[:90]!r}")
        if not noticed:
            unnoticed.append(damage)
            _say(done.stdout + done.stderr)
    bench.exec("clawbot-agent run --stage all", timeout=_SECONDS)
    whole = _passes(name, "test")
    _say(f"{len(DAMAGES)} damages, {len(unnoticed)} unnoticed; bot healthy afterwards: {whole}")
    return 0 if whole and not unnoticed else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _passes(name: str, expression: str) -> bool:
    pytest = (sys.executable, "-m", "pytest", "-q", "tests/machine/finished")
    options = ("-k", expression, f"--hosts=bench://{name}")
    done = subprocess.run(
        (*pytest, *options), cwd=_ROOT, capture_output=True, text=True, check=False
    )
    # pytest's exit code 5 is "no such test"
    if done.returncode not in {0, 1}:
        sys.exit(f"pytest -k {expression} exited {done.returncode}:\n{done.stdout}")
    return done.returncode == 0


def _wait_until_whole(name: str, expression: str) -> None:
    """Wait until the test passes, for example after a restart of the gateway."""
    end = time.monotonic() + _SECONDS
    while not _passes(name, expression):
        if time.monotonic() > end:
            sys.exit(f"{expression} fails without damage")
        time.sleep(3)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
