"""`make demo`: from a machine with nothing but systemd to a bot that answers, in one command."""

import json
import secrets
import sys
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tests.bench import azure, host_setup, product
from tests.bench.bench import Bench
from tests.bench.cache import Cache
from tests.bench.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path

_OUTSIDE_SECONDS: Final = 10


def main(name: str) -> int:
    """Run the demonstration; the exit code of the agent's run."""
    began = time.monotonic()
    bench = Bench(name, say=lambda line: print(line, flush=True))
    try:
        _deliver(bench)
        print("\n$ clawbot-agent run --stage all", flush=True)
        code = product.follow(bench, "clawbot-agent run --stage all")
        product.keep_images(bench)
        print("\n$ clawbot-agent status", flush=True)
        product.follow(bench, "clawbot-agent status")
        if code == 0:
            _show_health(bench)
    except BenchError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    _show_how_to_look(bench)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    return code


def _deliver(bench: Bench) -> None:
    """Bring up the bench and the agent in it, with fresh secrets in the Key Vault."""
    host_setup.ensure((*azure.HOST_PACKAGES, *product.HOST_PACKAGES))
    with ThreadPoolExecutor() as pool:
        # the release is built while the machine is
        release: Future[tuple[Path, str]] = pool.submit(product.release, Cache(bench.cache_dir))
        bench.up()
        archive, _ = release.result()
    started = time.monotonic()
    product.install(bench, archive)
    print(f"{time.monotonic() - started:6.1f} s  bootstrap.sh", flush=True)
    product.configure(bench, product.as_yaml(product.configuration(bench)))
    values = {
        product.TOKEN_SECRET: secrets.token_urlsafe(32),
        product.CONFIG_SECRET: json.dumps({"logging": {"level": "info"}}),
    }
    bench.azure.set("keyvault", secrets=values)
    product.restore_images(bench)


def _show_health(bench: Bench) -> None:
    print("\nfrom outside, through Caddy:")
    for path in ("/", "/readyz"):
        url = f"http://{bench.address}{path}"
        with urllib.request.urlopen(url, timeout=_OUTSIDE_SECONDS) as answer:
            text = answer.read().decode(errors="replace")
        title = text.partition("<title>")[2].partition("<")[0]
        print(f"GET {url}: {answer.status}, {'page ' + repr(title) if title else text}")


def _show_how_to_look(bench: Bench) -> None:
    print(
        f"""
look inside:
  make exec CMD='clawbot-agent plan'         what a run would change: nothing
  make exec CMD='clawbot-agent analyze'      where the time went
  make exec CMD='clawbot-agent logs'         what happened
  make exec CMD='clawbot-agent logs gateway' what OpenClaw says
  http://{bench.address}/                    OpenClaw through Caddy
  make down                                  remove every trace"""
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "demo"))
