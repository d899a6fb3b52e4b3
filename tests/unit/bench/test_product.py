"""The configuration that the bench writes is the one it means."""

import yaml

from tests.bench.product import as_yaml


def test_what_is_written_reads_back() -> None:
    config = {
        "name": "bench-bot",
        "caddy": {"domain": "bot.example.org\nrespond 200", "allowed_origins": []},
        "sysbox": {"sha256": "0" * 64, "enabled": True},
        "openclaw": {"image": {"source": "build", "node": None}},
    }
    assert yaml.safe_load(as_yaml(config)) == config
