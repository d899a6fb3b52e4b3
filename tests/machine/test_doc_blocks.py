"""The commands in README and docs that run on an instance, on a converged bench machine."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.bot import Bot
from tests.support.doc_blocks import ROOT, blocks_of, documents, matches

_BLOCK_SECONDS: Final = 300
_HEALTHY_SECONDS: Final = 60
_HEALTH: Final = "curl -s http://127.0.0.1:18790/health/azure"
_PAGES: Final = [
    path
    for path in documents()
    if any(block.environment == "instance" for block in blocks_of(path))
]


@pytest.fixture(scope="module")
def instance(converged: Bot) -> Iterator[Bot]:
    """Return the bench's machine with a running sidecar, as on an instance that has booted."""
    converged.sh("systemctl start clawbot-sidecar")
    end = time.monotonic() + _HEALTHY_SECONDS
    while '"Healthy"' not in (seen := converged.bench.exec(_HEALTH).stdout):
        assert time.monotonic() < end, seen
        time.sleep(1)
    yield converged
    converged.sh("systemctl stop clawbot-sidecar clawbot-reconcile.timer")
    assert converged.plan("--exit-code").code == 0


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_of_a_page_run_in_order(path: Path, instance: Bot) -> None:
    for block in blocks_of(path):
        if block.environment != "instance":
            continue
        script = ("/bin/bash", "-euc", f"cd /root\nexec 2>&1\n{block.text}")
        done = instance.bench.exec(script, timeout=_BLOCK_SECONDS)
        assert done.returncode == 0, f"{block} exited {done.returncode}:\n{done.stdout}"
        if block.output is not None:
            assert matches(block.output, done.stdout), f"{block} prints:\n{done.stdout}"
