"""openclaw.json: what is kept, what Key Vault decides, and what neither can change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawbot_agent.features.gateway.config_patch import changed_paths, desired_config, merge_patch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "gateway", "auth", "controlUi"]), inner, max_size=4)
    ),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from(["gateway", "secrets", "a"]), JSON, max_size=3)


def _desired(live: dict[str, Any], fragment: dict[str, Any] | None = None) -> dict[str, Any]:
    return desired_config(
        live, fragment or {}, bridge="172.20.0.1", allowed_origins=("https://bot.example.org",)
    )


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_as_in_rfc_7396(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result


def test_settings_written_by_openclaw_are_kept() -> None:
    live = {"meta": {"lastTouchedVersion": "2026.9.6"}, "gateway": {"reload": {"mode": "off"}}}
    made = _desired(live)
    assert made["meta"] == live["meta"]
    assert made["gateway"]["reload"] == {"mode": "off"}


def test_key_vault_overrides_the_file_and_can_remove_keys() -> None:
    made = _desired(
        {"logging": {"level": "info"}, "x": 1}, {"logging": {"level": "debug"}, "x": None}
    )
    assert made["logging"] == {"level": "debug"}
    assert "x" not in made


def test_neither_file_nor_key_vault_unlocks_the_gateway() -> None:
    unlocked = {
        "gateway": {
            "mode": "remote",
            "bind": "loopback",
            "port": 1,
            "auth": {"mode": "none", "token": "from-the-file"},
            "trustedProxies": ["0.0.0.0/0"],
            "controlUi": {"dangerouslyAllowHostHeaderOriginFallback": True},
        }
    }
    for live, fragment in ((unlocked, {}), ({}, unlocked)):
        gateway = _desired(live, fragment)["gateway"]
        assert (gateway["mode"], gateway["bind"], gateway["port"]) == ("local", "lan", 18789)
        assert gateway["trustedProxies"] == ["172.20.0.1"]
        assert gateway["auth"]["mode"] == "token"
        assert gateway["auth"]["token"] == {"source": "file", "provider": "clawbot", "id": "value"}
        assert gateway["controlUi"] == {"allowedOrigins": ["https://bot.example.org"]}


def test_configured_rate_limits_are_kept() -> None:
    mine = {"maxAttempts": 3, "windowMs": 1000, "lockoutMs": 1000}
    made = _desired({"gateway": {"auth": {"rateLimit": mine}}})
    assert made["gateway"]["auth"]["rateLimit"] == mine
    assert _desired({})["gateway"]["auth"]["rateLimit"]["maxAttempts"] == 10


def test_origins_come_from_key_vault_and_configuration_only() -> None:
    """An origin of the live file that is not configured any more is removed."""
    made = _desired(
        {"gateway": {"controlUi": {"allowedOrigins": ["https://sold.example"]}}},
        {"gateway": {"controlUi": {"allowedOrigins": ["https://b"]}}},
    )
    expected = ["https://b", "https://bot.example.org"]
    assert made["gateway"]["controlUi"]["allowedOrigins"] == expected


def test_only_key_vault_enables_the_terminal() -> None:
    wide = {"gateway": {"terminal": {"enabled": True}}}
    assert _desired(wide)["gateway"]["terminal"]["enabled"] is False
    assert _desired({}, wide)["gateway"]["terminal"]["enabled"] is True


@given(live=OBJECT, fragment=OBJECT)
def test_desired_config_is_idempotent(live: dict[str, Any], fragment: dict[str, Any]) -> None:
    once = _desired(live, fragment)
    assert _desired(once, fragment) == once


def test_changed_paths_contain_no_values() -> None:
    before = {"a": {"b": {"c": {"d": "secret"}}}, "x": 1}
    assert changed_paths(before, {"a": {"b": {"c": {}}}, "y": 2}) == ("a.b.c", "x", "y")
    assert changed_paths(before, before) == ()
