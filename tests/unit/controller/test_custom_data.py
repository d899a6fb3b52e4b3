"""Custom data carries the configuration and bootstrap.sh unharmed, small, and nothing secret."""

import base64
import gzip
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from clawbot_agent.config.example import example_text
from clawbot_agent.config.load import parse_config
from clawbot_controller.custom_data import render
from clawbot_controller.custom_data.agent_source import AgentSource
from clawbot_controller.custom_data.assets import asset
from clawbot_controller.custom_data.render import LIMIT, custom_data_digest, render_custom_data
from clawbot_controller.errors import CustomDataTooLargeError

ROOT: Final = Path(__file__).resolve().parents[3]
AGENT: Final = AgentSource("https://github.com/o/r/releases/download/v1/a-1-x86_64.tar", "ab" * 32)
AZURE: Final = """\
name: my-bot
# the password of the old one was hunter2
azure: {client_id: 11111111-2222-3333-4444-555555555555, key_vault: my-vault}
secrets: {gateway_token: token-name}
share: {kind: azure-files, account: myaccount, name: bots}
"""
LOCAL: Final = """\
name: my-bot
secrets: {source: directory}
caddy: {allowed_origins: ["https://a.example.org", "https://b.example.org:8443"]}
"""


def rendered(text: str) -> dict[str, Any]:
    """The custom data for a configuration, as cloud-init reads it; files by path."""
    document = yaml.safe_load(render_custom_data(parse_config(text), AGENT))
    assert set(document) == {"write_files"}
    return {file["path"]: file for file in document["write_files"]}


@pytest.mark.parametrize("text", [AZURE, LOCAL, example_text()])
def test_the_configuration_arrives_as_it_was_meant(text: str) -> None:
    file = rendered(text)["/etc/clawbot/config.yaml"]
    assert parse_config(file["content"]) == parse_config(text)
    assert file["permissions"] == "0644"


def test_only_what_the_operator_set_is_in_it() -> None:
    """No comment, which may hold anything, and no default, which belongs to the agent's version."""
    content = rendered(AZURE)["/etc/clawbot/config.yaml"]["content"]
    assert "hunter2" not in content
    assert set(yaml.safe_load(content)) == {"name", "azure", "secrets", "share"}


def test_bootstrap_arrives_unchanged() -> None:
    file = rendered(AZURE)["/opt/clawbot/bootstrap.sh"]
    assert file["encoding"] == "gz+b64"
    content = gzip.decompress(base64.b64decode(file["content"]))
    assert content == (ROOT / "bootstrap.sh").read_bytes()


def test_bootstrap_is_run_until_there_is_an_agent() -> None:
    lines = rendered(AZURE)["/var/lib/cloud/scripts/per-boot/clawbot"]["content"].splitlines()
    arguments = f"--cloud-init --sha256 {AGENT.sha256} {AGENT.location}"
    assert lines == [
        "#!/bin/sh",
        f"test -x /usr/local/bin/clawbot-agent || exec /opt/clawbot/bootstrap.sh {arguments}",
    ]


def test_it_writes_three_files_and_does_nothing_else() -> None:
    assert len(rendered(AZURE)) == 3


def test_it_is_cloud_config_and_small() -> None:
    text = render_custom_data(parse_config(AZURE), AGENT)
    assert text.startswith("#cloud-config\n")
    assert text.isascii()
    assert len(text) < LIMIT * 0.6


def test_the_same_bot_gives_the_same_bytes() -> None:
    first, second = (render_custom_data(parse_config(AZURE), AGENT) for _ in range(2))
    assert first == second


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "LIMIT", 5000)
    with pytest.raises(CustomDataTooLargeError, match=r"my-bot would be \d+ bytes, more than 5000"):
        render_custom_data(parse_config(AZURE), AGENT)


@pytest.mark.parametrize(("level", "system"), [(1, 3), (6, 255), (9, 0)])
def test_another_build_of_zlib_makes_no_other_model(
    monkeypatch: pytest.MonkeyPatch, level: int, system: int
) -> None:
    config = parse_config(AZURE)
    digest, text = custom_data_digest(config, AGENT), render_custom_data(config, AGENT)
    compress = gzip.compress

    def otherwise(data: bytes, **_options: Any) -> bytes:  # noqa: ANN401 - as gzip.compress
        packed = bytearray(compress(data, level, mtime=0))
        packed[9] = system
        return bytes(packed)

    monkeypatch.setattr(gzip, "compress", otherwise)
    assert custom_data_digest(config, AGENT) == digest
    if level == 9:
        # the same bytes, whatever system the header names
        assert render_custom_data(config, AGENT) == text


def test_what_bootstrap_says_is_part_of_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse_config(AZURE)
    before = custom_data_digest(config, AGENT)
    monkeypatch.setattr(render, "asset", lambda name: asset(name) + b"\n")
    assert custom_data_digest(config, AGENT) != before
