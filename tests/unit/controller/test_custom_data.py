"""Custom data contains the configuration and bootstrap.sh unchanged, is small and has no secret."""

import base64
import gzip
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from clawbot_agent.config.documents import example_text
from clawbot_agent.config.load import parse_config
from clawbot_controller import custom_data
from clawbot_controller.custom_data import (
    LIMIT,
    AgentSource,
    asset,
    custom_data_digest,
    render_custom_data,
)
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
    """Return the files, by path, that cloud-init reads from a configuration's custom data."""
    document = yaml.safe_load(render_custom_data(parse_config(text), AGENT))
    assert set(document) == {"write_files"}
    return {file["path"]: file for file in document["write_files"]}


@pytest.mark.parametrize("text", [AZURE, LOCAL, example_text()])
def test_configuration_is_unchanged(text: str) -> None:
    file = rendered(text)["/etc/clawbot/config.yaml"]
    assert parse_config(file["content"]) == parse_config(text)
    assert file["permissions"] == "0644"


def test_configuration_has_only_keys_set_by_operator() -> None:
    """No comments, and no defaults, which depend on the agent's version."""
    content = rendered(AZURE)["/etc/clawbot/config.yaml"]["content"]
    assert "hunter2" not in content
    assert set(yaml.safe_load(content)) == {"name", "azure", "secrets", "share"}


def test_bootstrap_is_unchanged() -> None:
    file = rendered(AZURE)["/opt/clawbot/bootstrap.sh"]
    assert file["encoding"] == "gz+b64"
    content = gzip.decompress(base64.b64decode(file["content"]))
    assert content == (ROOT / "bootstrap.sh").read_bytes()


def test_bootstrap_runs_at_each_boot_until_agent_is_installed() -> None:
    lines = rendered(AZURE)["/var/lib/cloud/scripts/per-boot/clawbot"]["content"].splitlines()
    arguments = f"--cloud-init --sha256 {AGENT.sha256} {AGENT.location}"
    assert lines == [
        "#!/bin/sh",
        f"test -x /usr/local/bin/clawbot-agent || exec /opt/clawbot/bootstrap.sh {arguments}",
    ]


def test_custom_data_writes_three_files_only() -> None:
    assert len(rendered(AZURE)) == 3


def test_custom_data_is_cloud_config_and_small() -> None:
    text = render_custom_data(parse_config(AZURE), AGENT)
    assert text.startswith("#cloud-config\n")
    assert text.isascii()
    assert len(text) < LIMIT * 0.6


def test_custom_data_is_deterministic() -> None:
    first, second = (render_custom_data(parse_config(AZURE), AGENT) for _ in range(2))
    assert first == second


def test_custom_data_above_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_data, "LIMIT", 5000)
    with pytest.raises(
        CustomDataTooLargeError, match=r"custom data of my-bot: \d+ bytes, more than 5000"
    ):
        render_custom_data(parse_config(AZURE), AGENT)


@pytest.mark.parametrize(("level", "system"), [(1, 3), (6, 255), (9, 0)])
def test_digest_does_not_depend_on_zlib_build(
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
        # the same bytes, independent of the system in the header
        assert render_custom_data(config, AGENT) == text


def test_digest_depends_on_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse_config(AZURE)
    before = custom_data_digest(config, AGENT)
    monkeypatch.setattr(custom_data, "asset", lambda name: asset(name) + b"\n")
    assert custom_data_digest(config, AGENT) != before
