"""The table of OpenClaw releases and the Node.js they run on."""

import pytest

from clawbot_agent.config import openclaw as versions


@pytest.mark.parametrize(
    ("release", "range_"),
    [
        ("2026.1.29", ">=22.12.0"),
        ("2026.3.11", ">=22.12.0"),
        ("2026.3.22", ">=22.16.0"),
        ("2026.5.7", ">=22.14.0"),
        ("2026.5.16-beta.1", ">=22.16.0"),
        ("2026.6.35", ">=22.19.0"),
        ("2026.7.1-2", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0"),
        ("2026.9.2", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0"),
        ("2026.9.6", ">=24.16.0 <25 || >=26.1.0"),
    ],
)
def test_release_finds_its_row(release: str, range_: str) -> None:
    assert versions.engines_for(release).node == range_


@pytest.mark.parametrize(
    ("node", "runs"),
    [
        ("22", False),
        ("24", True),
        ("24.15", False),
        ("24.15.0", False),
        ("24.16", True),
        ("24.16.0", True),
        ("25", False),
        ("26.0.9", False),
        ("26", True),
        ("27.0.0", True),
    ],
)
def test_partial_version_means_the_newest_of_its_line(node: str, runs: bool) -> None:  # noqa: FBT001  # a table
    assert versions.node_runs(node, versions.engines_for("2026.9.6")) is runs


@pytest.mark.parametrize("row", versions.TABLE, ids=lambda row: row.since)
def test_every_default_base_runs_its_release(row: versions.Engines) -> None:
    node = versions.node_of(row.base)
    assert node is not None
    assert versions.node_runs(node, row)


@pytest.mark.parametrize(
    ("reference", "node"),
    [
        ("node:24-trixie-slim", "24"),
        ("node:24.16.0", "24.16.0"),
        ("docker.io/library/node:24.16-slim@sha256:00", "24.16"),
        ("reg.example:5000/my-node:v24", "24"),
        ("node:lts-slim", None),
        ("ubuntu:24.04", None),
        ("nodepad:24", None),
        ("node@sha256:00", None),
        ("localhost:5000/node", None),
    ],
)
def test_node_version_is_read_from_node_images_only(reference: str, node: str | None) -> None:
    assert versions.node_of(reference) == node


def test_order_of_releases_puts_betas_before_and_re_releases_after() -> None:
    assert not versions.is_newer_than_table("2026.9.6-beta.1")
    assert not versions.is_newer_than_table("2026.9.6")
    assert versions.is_newer_than_table("2026.9.6-1")
    assert versions.is_newer_than_table("2027.1.1")
    assert versions.is_older_than_table("2026.1.28")
    assert not versions.is_older_than_table("2026.1.29")


def test_release_before_the_table_is_unknown() -> None:
    with pytest.raises(LookupError):
        versions.engines_for("2025.12.1")
