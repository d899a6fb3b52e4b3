import json
from typing import Any, Final

import pytest

from clawbot_agent.features.sysbox.daemon import Engine, Settings, differs, merged, same_version

ENTRY: Final[dict[str, Any]] = {"sysbox-runc": {"path": "/usr/bin/sysbox-runc"}}


@pytest.mark.parametrize(
    ("before", "settings", "after"),
    [
        (None, Settings(None, time_namespaces=True), {"runtimes": ENTRY}),
        ("not json", Settings(None, time_namespaces=True), {"runtimes": ENTRY}),
        (
            '{"bip": "172.20.0.1/16", "runtimes": {"kata": {"path": "/k"}}}',
            Settings(None, time_namespaces=True),
            {"bip": "172.20.0.1/16", "runtimes": {"kata": {"path": "/k"}, **ENTRY}},
        ),
        (
            '{"features": {"buildkit": true}}',
            Settings(None, time_namespaces=False),
            {"features": {"buildkit": True, "time-namespaces": False}, "runtimes": ENTRY},
        ),
        (
            "{}",
            Settings(default=True, time_namespaces=True),
            {"default-runtime": "sysbox-runc", "runtimes": ENTRY},
        ),
        (
            '{"default-runtime": "sysbox-runc"}',
            Settings(default=False, time_namespaces=True),
            {"default-runtime": "runc", "runtimes": ENTRY},
        ),
        (
            '{"default-runtime": "kata"}',
            Settings(default=False, time_namespaces=True),
            {"default-runtime": "kata", "runtimes": ENTRY},
        ),
    ],
)
def test_merge_keeps_other_keys(
    before: str | None, settings: Settings, after: dict[str, Any]
) -> None:
    text = merged(before, settings)
    assert json.loads(text) == after
    assert differs(before, settings)
    assert not differs(text, settings)
    assert '\n    "runtimes": {' in text


@pytest.mark.parametrize(
    ("version", "engine", "allowed"),
    [
        ("0.6.7", "29.4.9", True),
        ("0.6.7", "29.5.0", False),
        ("0.7.0", "30.0.1", False),
        ("0.7.1", "29.5.0", True),
        ("0.6.7", "20.10.24+dfsg1", True),
    ],
)
def test_time_namespaces_are_disabled_for_an_old_sysbox_under_a_new_engine(
    version: str, engine: str, *, allowed: bool
) -> None:
    found = Engine(engine, "6.8", frozenset(), "runc")
    settings = Settings.of(default=None, version=version, engine=found)
    assert settings.time_namespaces is allowed


@pytest.mark.parametrize(
    ("installed", "wanted", "same"),
    [
        ("0.6.7-0.linux", "0.6.7", True),
        ("0.6.7.linux", "0.6.7", True),
        ("0.6.7-0.linux", "0.6.7-0", True),
        ("0.6.70-0.linux", "0.6.7", False),
        ("0.7.1-0.linux", "0.6.7", False),
    ],
)
def test_package_version_is_compared_with_the_release(
    installed: str, wanted: str, *, same: bool
) -> None:
    assert same_version(installed, wanted) is same
