"""The configuration that the bench writes."""

import yaml

from tests.bench.product import as_yaml


def test_written_yaml_parses_to_the_same_configuration() -> None:
    config = {
        "name": "bench-bot",
        "caddy": {"domain": "bot.example.org\nrespond 200", "allowed_origins": []},
        "sysbox": {"sha256": "0" * 64, "enabled": True},
        "openclaw": {"image": {"source": "build", "node": None}},
    }
    assert yaml.safe_load(as_yaml(config)) == config
