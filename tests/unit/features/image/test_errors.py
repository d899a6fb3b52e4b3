"""Which error a real message of Docker, apt or npm leads to."""

import pytest

from clawbot_agent.features.image.errors import build_error, pull_error

FAILED = "The command '/bin/sh -c : npm install' returned a non-zero code: {}"
BUILDS = {
    "npm killed by the kernel": (FAILED.format(137), ["Killed"], "IMAGE_OOM"),
    "node out of heap": (
        FAILED.format(134),
        ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"],
        "IMAGE_OOM",
    ),
    "disk full in npm": (
        FAILED.format(228),
        ["npm error code ENOSPC", "npm error syscall write"],
        "IMAGE_DISK_FULL",
    ),
    "disk full in docker": (
        "write /var/lib/docker/tmp/x: no space left on device",
        [],
        "IMAGE_DISK_FULL",
    ),
    "no such release": (
        FAILED.format(1),
        [
            "npm error code ETARGET",
            "npm error notarget No matching version found for openclaw@2026.9.99.",
        ],
        "NPM_VERSION_NOT_FOUND",
    ),
    "npm unreachable": (
        FAILED.format(1),
        ["npm error code EAI_AGAIN", "npm error request to https://registry.test failed"],
        "NPM_UNAVAILABLE",
    ),
    "npm overloaded": (FAILED.format(1), ["npm error code E503"], "NPM_UNAVAILABLE"),
    "mirror unreachable": (
        FAILED.format(100),
        ["E: Failed to fetch http://mirror.test/debian/dists/trixie/InRelease"],
        "IMAGE_APT_UNAVAILABLE",
    ),
    "no such package": (
        FAILED.format(100),
        ["E: Unable to locate package no-such-thing"],
        "IMAGE_PACKAGE_NOT_FOUND",
    ),
    "the gateway does not start": (
        FAILED.format(1),
        ["node:sqlite truncates TEXT", "clawbot: gateway was never ready, exit 1"],
        "IMAGE_START_FAILED",
    ),
    "something else": (FAILED.format(2), ["what?"], "IMAGE_BUILD_FAILED"),
}


@pytest.mark.parametrize(("failure", "lines", "code"), BUILDS.values(), ids=BUILDS.keys())
def test_build_output_selects_the_error(failure: str, lines: list[str], code: str) -> None:
    error = build_error("clawbot/openclaw:1", failure, lines)
    assert error.code == code
    assert all(line in error.message for line in lines)
    assert error.retryable is (code in {"NPM_UNAVAILABLE", "IMAGE_APT_UNAVAILABLE"})


PULLS = {
    "no such tag": ("manifest for node:1 not found: manifest unknown", "IMAGE_NOT_FOUND", False),
    "private": ("pull access denied for x, repository does not exist", "IMAGE_NOT_FOUND", False),
    "throttled": (
        "toomanyrequests: You have reached your pull rate limit.",
        "REGISTRY_THROTTLED",
        True,
    ),
    "unreachable": (
        'Get "https://registry-1.docker.io/v2/": dial tcp 1.2.3.4:443: connect: connection refused',
        "REGISTRY_UNAVAILABLE",
        True,
    ),
    "unknown name": (
        'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host',
        "REGISTRY_UNAVAILABLE",
        True,
    ),
    "no space": (
        "failed to register layer: write /x: no space left on device",
        "IMAGE_DISK_FULL",
        False,
    ),
}


@pytest.mark.parametrize(("failure", "code", "retryable"), PULLS.values(), ids=PULLS.keys())
def test_pull_output_selects_the_error(failure: str, code: str, *, retryable: bool) -> None:
    error = pull_error("node:1", failure)
    assert (error.code, error.retryable) == (code, retryable)
    assert "node:1" in error.message
