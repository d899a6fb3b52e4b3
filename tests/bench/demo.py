"""`make demo`: turn a machine that has only systemd into a working bot with one command.

The installation is the one that custom data performs on an instance: the configuration is written
first, then bootstrap.sh starts the units and systemd runs the agent.
"""

import json
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tests.bench import azure, host_setup, product
from tests.bench.bench import Bench
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.heartbeat import heartbeat, say, step

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_NAME: Final = "demo"
# the units that always run on a bot's machine
UNITS: Final = (
    "clawbot-sidecar.service",
    "clawbot-events.service",
    "clawbot-reconcile.timer",
    "clawbot-gateway.service",
)
_AGENT: Final = "clawbot-agent.service"
# only the agent's messages: the packages that it installs also write to the unit's journal
_FROM_THE_AGENT: Final = (f"--unit={_AGENT}", "--identifier=clawbot-agent")
_STATUS_FILE: Final = "var/lib/clawbot/status.json"
_WIDTH: Final = 100
_OUTSIDE_SECONDS: Final = 10
_HEALTHY_SECONDS: Final = 60
_LAST_LINES_SECONDS: Final = 1.0


def main(name: str) -> int:
    """Run the demonstration; return 0 if the agent's run succeeded and the bot's units run."""
    began = time.monotonic()
    try:
        bench = Bench(name, say=say)
        code = _demonstrate(bench)
    except BenchError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"demo: interrupted; remove the bench with: make down{_bench(name)}", file=sys.stderr)
        return 130
    say(next_steps(name, bench.address))
    say(f"\n{time.monotonic() - began:.0f} s in total")
    return code


def next_steps(name: str, address: str) -> str:
    """Return what to try next on the bench with this name and address."""
    bench = _bench(name)
    hints = (
        (f"make exec{bench} CMD='clawbot-agent plan'", "show what a run would change (nothing)"),
        (f"make exec{bench} CMD='clawbot-agent analyze'", "show how long each step took"),
        (f"make exec{bench} CMD='clawbot-agent logs'", "show the agent's log"),
        (f"make exec{bench} CMD='clawbot-agent logs gateway'", "show OpenClaw's log"),
        (f"http://{address}/", "OpenClaw through Caddy"),
        (f"make down{bench}", "remove this bench; prints what is kept"),
    )
    width = max(len(command) for command, _ in hints)
    lines = (f"  {command:{width}}  {meaning}" for command, meaning in hints)
    return "\n".join(("\nnext steps:", *lines))


def _bench(name: str) -> str:
    return "" if name == DEFAULT_NAME else f" BENCH_NAME={name}"


def _demonstrate(bench: Bench) -> int:
    started = _deliver(bench)
    say(f"\nlog of {_AGENT}:")
    _follow_the_run(bench, started)
    say("\n$ clawbot-agent status --wait")
    with heartbeat("clawbot-agent status --wait"):
        code = product.follow(bench, "clawbot-agent status --wait")
    with step("keep the container image for the next bench"):
        product.keep_images(bench)
    say("\n$ systemctl list-units 'clawbot-*'")
    say(bench.exec("systemctl list-units --no-pager --plain --no-legend 'clawbot-*'").stdout)
    stopped = [unit for unit in UNITS if not _is_active(bench, unit)]
    if stopped:
        say(f"demo: not running: {', '.join(stopped)}")
    elif code == 0:
        _show_health(bench)
    return code or bool(stopped)


def _deliver(bench: Bench) -> float:
    """Start the bench and the agent in it, with new secrets in the Key Vault.

    Returns:
        The time at which bootstrap.sh was started, in seconds since the epoch.
    """
    with step("host packages for the release"):
        host_setup.ensure((*azure.HOST_PACKAGES, *product.HOST_PACKAGES))
    with ThreadPoolExecutor() as pool:
        # in parallel with the start of the machine
        release: Future[tuple[Path, str]] = pool.submit(product.release, Cache(bench.cache_dir))
        bench.up()
        with step("release"):
            archive, _ = release.result()
    values = {
        product.TOKEN_SECRET: secrets.token_urlsafe(32),
        product.CONFIG_SECRET: json.dumps({"logging": {"level": "info"}}),
    }
    bench.azure.set("keyvault", secrets=values)
    product.configure(bench, product.as_yaml(product.configuration(bench)))
    product.restore_images(bench)
    started = time.time()
    with step("bootstrap.sh"):
        product.install(bench, archive, start=True)
    return started


def _follow_the_run(bench: Bench, since: float) -> None:
    """Print the agent's log until its run ends, successfully or not.

    Args:
        bench: a running one.
        since: in seconds since the epoch; bootstrap.sh has already started the unit.
    """
    of_this_run = ("--lines=all", f"--since=@{since:.6f}", *_FROM_THE_AGENT)
    argv = ("journalctl", "--follow", "--output=cat", *of_this_run)
    with (
        heartbeat(lambda: _under_way(bench)) as heard,
        subprocess.Popen(bench.enter(argv), stdout=subprocess.PIPE, text=True) as journal,
    ):

        def pass_on() -> None:
            for line in journal.stdout or ():
                say(line.rstrip())
                heard()

        reader = threading.Thread(target=pass_on)
        reader.start()
        try:
            # waits for the start job that bootstrap.sh queued
            bench.exec(("systemctl", "start", _AGENT))
            time.sleep(_LAST_LINES_SECONDS)
        finally:
            journal.terminate()
            reader.join()


def _under_way(bench: Bench) -> str:
    """Return the running stages and their progress, from the agent's status.json."""
    try:
        stages = json.loads((bench.root / _STATUS_FILE).read_text())["stages"]
    except FileNotFoundError:
        return "the agent is starting"
    running = [stage for stage in stages if stage["state"] == "running"]
    said = [f"{stage['name']}: {stage['reason']}"[:_WIDTH] for stage in running]
    return "; ".join(said) or "between two stages"


def _is_active(bench: Bench, unit: str) -> bool:
    return bench.exec(("systemctl", "is-active", "--quiet", unit)).returncode == 0


def _show_health(bench: Bench) -> None:
    say("from the host, through Caddy:")
    with heartbeat("waiting for the sidecar to report the bot healthy"):
        end = time.monotonic() + _HEALTHY_SECONDS
        while '"healthy"' not in _get(bench, "/health") and time.monotonic() < end:
            time.sleep(1)
    for path in ("/", "/readyz", "/health"):
        answer = _get(bench, path)
        title = answer.partition("<title>")[2].partition("<")[0]
        if title:
            answer = f"{answer.partition(',')[0]}, page {title!r}"
        say(f"GET http://{bench.address}{path}: {answer}")


def _get(bench: Bench, path: str) -> str:
    url = f"http://{bench.address}{path}"
    try:
        with urllib.request.urlopen(url, timeout=_OUTSIDE_SECONDS) as answer:
            return f"{answer.status}, {answer.read().decode(errors='replace')}"
    except urllib.error.HTTPError as error:
        return f"{error.code}, {error.read().decode(errors='replace')}"
    except OSError as error:
        return f"no answer: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_NAME))
