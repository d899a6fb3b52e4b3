"""How failed commands are classified, with outputs of apt 2.6.1 and dpkg 1.21 from a bench."""

from typing import Final

import pytest

from clawbot_agent.features.apt.errors import AptLockHeldError, classify, holder_pid

_DPKG_POSTINST: Final = """\
Setting up badpkg (1) ...
cannot frob the widget
dpkg: error processing package badpkg (--configure):
 installed badpkg package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 badpkg
debconf: delaying package configuration, since apt-utils is not installed
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
_DPKG_PREINST: Final = """\
(Reading database ... \r(Reading database ... 5%\r(Reading database ... 100%\r\
Preparing to unpack /tmp/bad.deb ...
cannot frob the widget
dpkg: error processing archive /tmp/bad.deb (--unpack):
 new badpkg package pre-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 /tmp/bad.deb
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
_MIRROR: Final = "http://mirror.test/debian"
_SOME_FAILED: Final = (
    "E: Some index files failed to download. They have been ignored, or old ones used instead."
)
_CASES: Final = {
    "lists lock": (
        (
            "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 192 (python3)\n"
            "E: Unable to lock directory /var/lib/apt/lists/"
        ),
        "APT_LOCK_HELD",
        "apt: /var/lib/apt/lists/lock is held by pid 192 (python3)",
    ),
    "frontend lock after waiting": (
        (
            "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by "
            "process 192 (python3)...\nE: Unable to acquire the dpkg frontend lock "
            "(/var/lib/dpkg/lock-frontend), is another process using it?"
        ),
        "APT_LOCK_HELD",
        "apt: /var/lib/dpkg/lock-frontend is held by pid 192 (python3)",
    ),
    "dpkg lock": (
        (
            "E: Unable to lock the administration directory (/var/lib/dpkg/), is another process "
            "using it?"
        ),
        "APT_LOCK_HELD",
        "apt: the dpkg lock is held by another process",
    ),
    "archives lock": (
        (
            "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 7 "
            "(apt-get)\n"
            "E: Unable to lock directory /var/cache/apt/archives/"
        ),
        "APT_LOCK_HELD",
        "apt: /var/cache/apt/archives/lock is held by pid 7 (apt-get)",
    ),
    "database lock of dpkg": (
        (
            "dpkg: error: dpkg database lock was locked by another process with pid 192\n"
            "Note: removing the lock file is always wrong, can damage the locked area"
        ),
        "APT_LOCK_HELD",
        "apt: the dpkg lock is held by pid 192",
    ),
    "unknown host": (
        (
            "E: Failed to fetch http://nosuch.example.invalid/debian/dists/bookworm/InRelease  "
            f"Could not resolve 'nosuch.example.invalid'\n{_SOME_FAILED}"
        ),
        "APT_MIRROR_UNREACHABLE",
        (
            "apt: Failed to fetch http://nosuch.example.invalid/debian/dists/bookworm/InRelease  "
            "Could not resolve 'nosuch.example.invalid'"
        ),
    ),
    "connection refused": (
        (
            "E: Failed to fetch http://127.0.0.1:9/debian/dists/bookworm/InRelease  Could "
            "not connect "
            f"to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)\n{_SOME_FAILED}"
        ),
        "APT_MIRROR_UNREACHABLE",
        None,
    ),
    "answer from a proxy": (
        (
            f"E: Failed to fetch {_MIRROR}/dists/bookworm/InRelease  400  Bad Request "
            f"[IP: 203.0.113.80 80]\nE: The repository '{_MIRROR} bookworm InRelease' is "
            f"not signed."
        ),
        "APT_MIRROR_UNREACHABLE",
        None,
    ),
    "no release file": (
        (
            "E: The repository 'http://10.255.255.1/debian bookworm Release' does not have "
            "a Release "
            "file."
        ),
        "APT_MIRROR_UNREACHABLE",
        None,
    ),
    "package gone from the mirror": (
        (
            "Err:1 http://127.0.0.1:8099/debian bookworm/main amd64 keyutils amd64 1.6.3-2\n"
            "E: Failed to fetch "
            "http://127.0.0.1:8099/debian/pool/main/k/keyutils/keyutils_1.6.3-2.deb"
            "  404  Not Found\nE: Unable to fetch some archives, maybe run apt-get update "
            "or try with "
            "--fix-missing?"
        ),
        "APT_MIRROR_UNREACHABLE",
        None,
    ),
    "wrong index": (
        (
            f"E: Failed to fetch "
            f"{_MIRROR}/dists/bookworm/main/binary-amd64/by-hash/SHA256/87e7  Hash "
            f"Sum mismatch\n   Hashes of expected file:\n    - Filesize:6924 [weak]\n{_SOME_FAILED}"
        ),
        "APT_HASH_MISMATCH",
        None,
    ),
    "index of unexpected size": (
        (
            f"E: Failed to fetch {_MIRROR}/dists/bookworm/main/binary-amd64/Packages  File has "
            "unexpected size (7 != 9). Mirror sync in progress? [IP: 203.0.113.80 80]"
        ),
        "APT_HASH_MISMATCH",
        None,
    ),
    "unknown package": (
        "E: Unable to locate package nosuchpkg",
        "APT_PACKAGE_NOT_FOUND",
        "apt: Unable to locate package nosuchpkg",
    ),
    "virtual package": (
        "E: Package 'mail-transport-agent' has no installation candidate",
        "APT_PACKAGE_NOT_FOUND",
        None,
    ),
    "dependency missing": (
        (
            "The following packages have unmet dependencies:\n libcurl4 : Depends: libpsl5 "
            "(>= 0.16.0)"
            " but it is not installable\nE: Unable to correct problems, you have held "
            "broken packages."
        ),
        "APT_PACKAGE_NOT_FOUND",
        None,
    ),
    "missing key": (
        (
            f"W: GPG error: {_MIRROR} bookworm InRelease: The following signatures couldn't be "
            "verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131\n"
            f"E: The repository '{_MIRROR} bookworm InRelease' is not signed."
        ),
        "APT_NO_SIGNATURE",
        None,
    ),
    "clock behind": (
        (
            f"E: Release file for {_MIRROR}/dists/bookworm/InRelease is not valid yet (invalid for "
            "another 1h 2min 3s). Updates for this repository will not be applied."
        ),
        "APT_NOT_VALID_YET",
        None,
    ),
    "clock ahead": (
        (
            f"E: Release file for {_MIRROR}/dists/bookworm/InRelease is expired (invalid "
            f"since 133d "
            "15h 56min 15s). Updates for this repository will not be applied."
        ),
        "APT_NOT_VALID_YET",
        None,
    ),
    "no space for packages": (
        "E: You don't have enough free space in /var/cache/apt/archives/.",
        "APT_DISK_FULL",
        None,
    ),
    "no space for lists": (
        (
            f"E: Failed to fetch {_MIRROR}/dists/bookworm-updates/InRelease  Error writing "
            f"to file - "
            f"write (28: No space left on device) [IP: 203.0.113.80 80]\n{_SOME_FAILED}"
        ),
        "APT_DISK_FULL",
        None,
    ),
    "interrupted": (
        (
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the "
            "problem."
        ),
        "DPKG_INTERRUPTED",
        None,
    ),
    "postinst": (
        _DPKG_POSTINST,
        "DPKG_FAILED",
        (
            "apt: badpkg failed: Setting up badpkg (1) ...; cannot frob the widget; dpkg: error "
            "processing package badpkg (--configure):; installed badpkg package post-installation "
            "script subprocess returned error exit status 1"
        ),
    ),
    "preinst": (
        _DPKG_PREINST,
        "DPKG_FAILED",
        (
            "apt: /tmp/bad.deb failed: Preparing to unpack /tmp/bad.deb ...; cannot frob the "
            "widget; dpkg: error processing archive /tmp/bad.deb (--unpack):; new badpkg package "
            "pre-installation script subprocess returned error exit status 1"
        ),
    ),
    "unknown error": ("E: The sky is falling", "APT_FAILED", "apt: The sky is falling"),
    "no error line": ("one\ntwo\n", "APT_FAILED", "apt: one; two"),
}


@pytest.mark.parametrize(("output", "code", "message"), _CASES.values(), ids=_CASES.keys())
def test_cause_is_read_from_the_output(output: str, code: str, message: str | None) -> None:
    error = classify(output, command="apt")
    assert error.code == code
    assert "\n" not in error.message
    assert message in {None, error.message}


def test_message_about_a_held_lock_contains_the_holders_command_line() -> None:
    output = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 12 (apt-get)"
    error = classify(output, command="apt-get update", holder="apt-get -qq update")
    assert error.message == (
        "apt-get update: /var/lib/apt/lists/lock is held by pid 12 (apt-get -qq update)"
    )
    assert holder_pid(output) == 12


def test_held_lock_is_retried_every_few_seconds_for_ten_minutes() -> None:
    policy = AptLockHeldError.retry
    assert (policy.first, policy.longest, policy.within) == (2, 5, 600)


def test_very_long_error_is_truncated() -> None:
    output = "\n".join(f"E: Failed to fetch http://mirror/{n}" for n in range(200))
    assert len(classify(output, command="apt-get update").message) < 800
