"""`make demo`: from a machine with nothing but systemd to a bot that answers, in one command.

The bot is installed as an instance's custom data installs it: the configuration is there, then
bootstrap.sh starts the units, and systemd runs the agent.
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
# what runs on a bot's machine all the time
UNITS: Final = (
    "clawbot-sidecar.service",
    "clawbot-events.service",
    "clawbot-reconcile.timer",
    "clawbot-gateway.service",
)
_AGENT: Final = "clawbot-agent.service"
# and not from the packages that it installs, which write to the journal as well
_FROM_THE_AGENT: Final = (f"--unit={_AGENT}", "--identifier=clawbot-agent")
_STATUS_FILE: Final = "var/lib/clawbot/status.json"
_WIDTH: Final = 100
_OUTSIDE_SECONDS: Final = 10
_HEALTHY_SECONDS: Final = 60
_LAST_LINES_SECONDS: Final = 1.0


def main(name: str) -> int:
    """Run the demonstration; 0 when the agent's run ended well and the bot's units run."""
    began = time.monotonic()
    try:
        bench = Bench(name, say=say)
        code = _demonstrate(bench)
    except BenchError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"demo: interrupted; to remove the bench: make down{_bench(name)}", file=sys.stderr)
        return 130
    say(how_to_look(name, bench.address))
    say(f"\n{time.monotonic() - began:.0f} s in all")
    return code


def how_to_look(name: str, address: str) -> str:
    """What to try next, for the bench of this name at this address."""
    bench = _bench(name)
    hints = (
        (f"make exec{bench} CMD='clawbot-agent plan'", "what a run would change: nothing"),
        (f"make exec{bench} CMD='clawbot-agent analyze'", "where the time went"),
        (f"make exec{bench} CMD='clawbot-agent logs'", "what happened"),
        (f"make exec{bench} CMD='clawbot-agent logs gateway'", "what OpenClaw says"),
        (f"http://{address}/", "OpenClaw through Caddy"),
        (f"make down{bench}", "remove this bench; says what stays"),
    )
    width = max(len(command) for command, _ in hints)
    lines = (f"  {command:{width}}  {meaning}" for command, meaning in hints)
    return "\n".join(("\nlook inside:", *lines))


def _bench(name: str) -> str:
    return "" if name == DEFAULT_NAME else f" BENCH_NAME={name}"


def _demonstrate(bench: Bench) -> int:
    started = _deliver(bench)
    say(f"\nwhat {_AGENT} says:")
    _follow_the_run(bench, started)
    say("\n$ clawbot-agent status --wait")
    with heartbeat("clawbot-agent status --wait"):
        code = product.follow(bench, "clawbot-agent status --wait")
    with step("container image kept for the next bench"):
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
    """Bring up the bench and the agent in it, with fresh secrets in the Key Vault.

    Returns:
        When bootstrap.sh was started, in seconds since the epoch.
    """
    with step("host packages for the release"):
        host_setup.ensure((*azure.HOST_PACKAGES, *product.HOST_PACKAGES))
    with ThreadPoolExecutor() as pool:
        # the release is built while the machine is
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
    """Print what the agent's unit says until its run ends, however it ends.

    Args:
        bench: up.
        since: seconds since the epoch; bootstrap.sh has started the unit already.
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
            # waits for the start that bootstrap.sh asked for
            bench.exec(("systemctl", "start", _AGENT))
            time.sleep(_LAST_LINES_SECONDS)
        finally:
            journal.terminate()
            reader.join()


def _under_way(bench: Bench) -> str:
    """The stages that run, with what each does, as the agent's record of its run says."""
    try:
        stages = json.loads((bench.root / _STATUS_FILE).read_text())["stages"]
    except FileNotFoundError:
        return "the agent starts"
    running = [stage for stage in stages if stage["state"] == "running"]
    said = [f"{stage['name']}: {stage['reason']}"[:_WIDTH] for stage in running]
    return "; ".join(said) or "between two stages"


def _is_active(bench: Bench, unit: str) -> bool:
    return bench.exec(("systemctl", "is-active", "--quiet", unit)).returncode == 0


def _show_health(bench: Bench) -> None:
    say("from outside, through Caddy:")
    with heartbeat("waiting for the sidecar to call the bot healthy"):
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
