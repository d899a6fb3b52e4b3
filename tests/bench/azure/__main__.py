"""Command line: ``python3 -m tests.bench.azure serve|build``."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.azure import artifacts, sysbox_deb
from tests.bench.azure.serve import CA_DIR, Servers
from tests.bench.cache import Cache


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.bench.azure", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="listen until SIGTERM")
    build = commands.add_parser("build", help="build what the cache does not have")
    for command in (serve, build):
        command.add_argument("--cache", type=Path, required=True, help="the cache directory")
        command.add_argument("--ca-dir", type=Path, help="default: 'ca' in the run directory")
    serve.add_argument(
        "--run-dir", type=Path, required=True, help="for the control socket and the ready file"
    )
    serve.add_argument(
        "--bind-override", metavar="ADDRESS", help="bind all services here, on free ports"
    )
    options = parser.parse_args(arguments)
    if options.command == "build":
        return _build(Cache(options.cache.absolute()), options.ca_dir)
    run_dir: Path = options.run_dir.absolute()
    return _serve(
        Cache(options.cache.absolute()),
        run_dir=run_dir,
        ca_dir=options.ca_dir or run_dir / CA_DIR,
        bind=options.bind_override,
    )


def _build(cache: Cache, ca_dir: Path | None) -> int:
    artifacts.build(cache, ca_dir or cache.root / CA_DIR)
    print(f"node image {artifacts.node_image_dir(cache)}")
    for version in sysbox_deb.VERSIONS:
        print(f"sysbox {version} sha256 {artifacts.sysbox_sha256(cache, version)}")
    return 0


def _serve(cache: Cache, *, run_dir: Path, ca_dir: Path, bind: str | None) -> int:
    # blocked before any thread starts, so that only sigwait below receives them
    stopping = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    run_dir.mkdir(parents=True, exist_ok=True)
    content = artifacts.content(cache, run_dir)
    with Servers(content=content, run_dir=run_dir, ca_dir=ca_dir, bind=bind) as servers:
        for key, (address, port) in servers.addresses.items():
            print(f"{key} listens on {address}:{port}", file=sys.stderr, flush=True)
        signal.sigwait(stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
