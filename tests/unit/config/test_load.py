"""Loading a configuration, and the problems of an unusable one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from clawbot_agent.config.load import MAX_BYTES, load_config, parse_config
from clawbot_agent.config.problems import ConfigError

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
MINIMAL: Mapping[str, Any] = {
    "name": "my-bot",
    "azure": {"client_id": CLIENT_ID, "key_vault": "bench-vault"},
}


def text_with(**changes: object) -> str:
    return yaml.safe_dump({**MINIMAL, **changes})


def lines_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return [str(problem) for problem in caught.value.problems]


def test_minimal_file_gets_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text_with())
    config = load_config(path)
    assert config.openclaw.version == "2026.9.6"
    assert config.openclaw.image.base == "node:24-trixie-slim"
    assert config.image_tag == "clawbot/openclaw:2026.9.6"
    assert str(config.bridge_address) == "172.20.0.1"
    assert config.vault_url == "https://bench-vault.vault.azure.net"
    assert config.allowed_origins == ()
    assert config.sysbox.package("arm64").url.endswith("v0.6.7/sysbox-ce_0.6.7.linux_arm64.deb")
    assert config.gateway.memory_limit_bytes is None


def test_derived_values_follow_their_keys() -> None:
    config = parse_config(
        text_with(
            openclaw={"image": {"source": "pull"}},
            caddy={"domain": "Bot.Example.org", "allowed_origins": ["http://10.0.1.4:8080"]},
            gateway={"memory_limit": "3g"},
            docker={"bip": "10.200.0.1/24"},
        )
    )
    assert config.image_tag == "ghcr.io/openclaw/openclaw:2026.9.6"
    assert config.allowed_origins == ("https://bot.example.org", "http://10.0.1.4:8080")
    assert config.gateway.memory_limit_bytes == 3 * 1024**3
    assert str(config.bridge_address) == "10.200.0.1"


def test_a_section_with_all_keys_commented_out_means_its_defaults() -> None:
    assert parse_config(text_with() + "caddy:\nsysbox:\n").sysbox.enabled


def test_missing_sections_name_the_keys_to_write() -> None:
    assert lines_of("sysbox: {}") == [
        "name: is required",
        "azure.client_id: is required",
        "azure.key_vault: is required",
    ]


AZURE_FILES: Mapping[str, Any] = {"kind": "azure-files", "account": "mybotdata", "name": "bot"}


def test_the_share_decides_how_the_state_is_kept() -> None:
    assert parse_config(text_with()).state_backend == "local"
    assert parse_config(text_with(share=AZURE_FILES)).state_backend == "image"
    config = parse_config(text_with(share=AZURE_FILES, state={"backend": "share"}))
    assert config.state_backend == "share"
    assert config.share.azure_files is not None
    assert config.share.azure_files.unc == "//mybotdata.file.core.windows.net/bot"


def test_a_machine_outside_azure_needs_no_azure_section() -> None:
    text = yaml.safe_dump({"name": "my-bot", "secrets": {"source": "directory"}})
    config = parse_config(text)
    assert config.azure is None
    with pytest.raises(LookupError):
        _ = config.vault_url


def test_an_azure_share_needs_the_azure_section() -> None:
    secrets = {"source": "directory"}
    data = {"name": "my-bot", "secrets": secrets, "share": AZURE_FILES, "azure": None}
    wanted = ["azure.client_id: is required", "azure.key_vault: is required"]
    assert lines_of(yaml.safe_dump(data)) == wanted


def test_every_problem_is_reported_at_once() -> None:
    assert len(lines_of(text_with(name="X", x=1, caddy={"domain": "a"}))) == 3


YAML_TROUBLE = {
    "name: a\nb: [": "line 2, column 5: not valid YAML: ",
    "a: b: c": "line 1, column 5: not valid YAML: mapping values are not allowed here",
    "name: a\nname: b": "name: is given twice (lines 1 and 2)",
    "docker:\n  bip: a\n  bip: b": "docker.bip: is given twice (lines 2 and 3)",
    "1: x": "(top level): keys must be plain words, not '1' (line 1)",
    "caddy: {[a]: x}": "caddy: keys must be plain words, not a list or mapping (line 1)",
    "<<: {name: a}": "(top level): keys must be plain words, not '<<' (line 1)",
    "a: &x 1\nb: *x": "line 2, column 4: aliases (*name) are not supported",
    "name: 2026-99-99": "line 1, column 7: a value that looks like a number or a date",
    'name: "\\UFFFFFFFF"': "line 1, column 10: not valid YAML: an unreadable value",
    "name: !!python/object:os.system {}": "line 1, column 7: not valid YAML: could not determine",
    "[" * 3000: "line 1, column 21: nested more than 20 levels deep",
    "a\x00b": "(top level): not valid YAML: a character that is not allowed in YAML (number 2)",
    "--- a\n--- b\n": "line 2, column 1: not valid YAML: but found another document",
    "": "(top level): is empty; `clawbot-agent config example` prints one",
    "- a": "(top level): must be a mapping of keys",
    "a" * (MAX_BYTES + 1): "(top level): is larger than 64 KiB",
}


@pytest.mark.parametrize(("text", "expected"), YAML_TROUBLE.items())
def test_yaml_trouble_names_its_place(text: str, expected: str) -> None:
    (line,) = lines_of(text)
    assert line.startswith(expected)


def test_unreadable_files_are_config_errors(tmp_path: Path) -> None:
    latin = tmp_path / "latin"
    latin.write_bytes(b"name: b\xfccher")
    large = tmp_path / "large"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, expected in {
        tmp_path / "none": "cannot be read: no such file or directory",
        tmp_path: "cannot be read: is a directory",
        latin: "must be UTF-8 text (byte 8 is not)",
        large: "is larger than 64 KiB",
    }.items():
        with pytest.raises(ConfigError, match=r".") as caught:
            load_config(path)
        assert str(caught.value) == f"{path}: {expected}"


def test_byte_order_mark_of_a_windows_editor_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text_with().encode())
    assert load_config(path).name == "my-bot"


GOOD: Mapping[str, dict[str, Any]] = {
    "node beside digest": {
        "openclaw": {
            "image": {"base": f"reg.example:5000/a/b@sha256:{'0' * 64}", "node": "24.16.0"}
        }
    },
    "node in a registry": {"openclaw": {"image": {"base": "localhost:5000/node:24-bookworm-slim"}}},
    "node 26": {"openclaw": {"image": {"base": "node:26-slim"}}},
    "old release on node 22": {
        "openclaw": {"version": "2026.9.2", "image": {"base": "node:22-slim"}}
    },
    "newer release by choice": {
        "openclaw": {"version": "2026.11.1", "allow_unknown_version": True}
    },
    "pull by digest": {
        "openclaw": {"image": {"source": "pull", "reference": f"a/b:1@sha256:{'a' * 64}"}}
    },
    "unknown sysbox with both": {
        "sysbox": {"version": "0.8.0", "url": "https://a.example/x.deb", "sha256": "0" * 64}
    },
    "sysbox mirror": {"sysbox": {"url": "https://a.example/x.deb"}},
    "punycode": {"caddy": {"domain": "xn--bcher-kva.de", "email": "ops@xn--bcher-kva.de"}},
}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD.keys())
def test_unusual_but_sound_values_are_accepted(changes: dict[str, Any]) -> None:
    parse_config(text_with(**changes))


def test_an_overridden_hash_replaces_only_the_hash() -> None:
    package = parse_config(text_with(sysbox={"sha256": "0" * 64})).sysbox.package("amd64")
    assert package.sha256 == "0" * 64
    assert package.url.startswith("https://github.com/nestybox/sysbox/releases/")
