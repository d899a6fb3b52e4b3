"""Every kind of value that a configuration must not hold, and the line it gets."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.config.test_load import CLIENT_ID, MINIMAL, lines_of, text_with

IMPOSSIBLE_NODE = (
    "openclaw.image.base: node 22 cannot run OpenClaw 2026.9.6 "
    "(needs >=24.16.0 <25 || >=26.1.0); use node:24-trixie-slim"
)
BAD: Mapping[str, tuple[dict[str, Any], str]] = {
    "shell in name": ({"name": "x; rm -rf /"}, "name: must be 3 to 32 lower-case"),
    "double dash in name": ({"name": "my--bot"}, "name: must be 3 to 32"),
    "newline after name": ({"name": "my-bot\n"}, "name: must be 3 to 32"),
    "unknown key": (
        {"caddy": {"domian": "x"}},
        "caddy.domian: unknown key; did you mean 'domain'?",
    ),
    "key in wrong place": ({"domain": "x"}, "domain: unknown key; did you mean 'caddy.domain'?"),
    "control character in key": ({"a\x1b[2J": 1}, r"'a\x1b[2J': unknown key; known here: name,"),
    "node 22": ({"openclaw": {"image": {"base": "node:22-slim"}}}, IMPOSSIBLE_NODE),
    "exact old node": (
        {"openclaw": {"image": {"base": "node:24.15.0-slim"}}},
        "openclaw.image.base: node 24.15.0 cannot run",
    ),
    "unreadable tag": (
        {"openclaw": {"image": {"base": "ubuntu:24.04"}}},
        "openclaw.image.base: the tag of ubuntu:24.04 does not say its Node.js version; set node:",
    ),
    "node contradicts tag": (
        {"openclaw": {"image": {"base": "node:24-slim", "node": "26.1.0"}}},
        "openclaw.image.node: says 26.1.0, but the tag of node:24-slim says 24",
    ),
    "given node too old": (
        {"openclaw": {"image": {"base": "me/base:1", "node": "24.1.0"}}},
        "openclaw.image.node: node 24.1.0 cannot run",
    ),
    "latest base": ({"openclaw": {"image": {"base": "node"}}}, "openclaw.image.base: must name a"),
    "space in base": (
        {"openclaw": {"image": {"base": "node:24 x"}}},
        "openclaw.image.base: must be an image reference",
    ),
    "latest": ({"openclaw": {"version": "latest"}}, "openclaw.version: must be one exact version"),
    "range": ({"openclaw": {"version": "^2026.9.6"}}, "openclaw.version: must be one exact"),
    "float version": (
        {"openclaw": {"version": 2026.9}},
        "openclaw.version: must be text, not 2026.9 (put it in quotes)",
    ),
    "too new": (
        {"openclaw": {"version": "2026.10.1"}},
        "openclaw.version: 2026.10.1 is newer than 2026.9.6",
    ),
    "too old": ({"openclaw": {"version": "2026.1.5"}}, "openclaw.version: must be 2026.1.29 or"),
    "reference with build": (
        {"openclaw": {"image": {"reference": "a/b:1"}}},
        "openclaw.image.reference: belongs to source: pull",
    ),
    "packages with pull": (
        {"openclaw": {"image": {"source": "pull", "packages": ["git"]}}},
        "openclaw.image.packages: belongs to source: build",
    ),
    "bad package": (
        {"openclaw": {"image": {"packages": ["git", "-y"]}}},
        "openclaw.image.packages[1]: must be the name of a Debian package, not '-y'",
    ),
    "domain with newline": (
        {"caddy": {"domain": "bot.example.org\nrespond 200"}},
        (
            "caddy.domain: must be a full DNS name such as bot.example.org, without port, path "
            r"or wildcard, not 'bot.example.org\nrespond 200'"
        ),
    ),
    "domain trailing newline": (
        {"caddy": {"domain": "a.example\n"}},
        "caddy.domain: must be a full",
    ),
    "domain is address": (
        {"caddy": {"domain": "10.0.0.1"}},
        "caddy.domain: must be a DNS name, not",
    ),
    "wildcard": ({"caddy": {"domain": "*.example.org"}}, "caddy.domain: must be a full DNS name"),
    "port in domain": ({"caddy": {"domain": "a.example:80"}}, "caddy.domain: must be a full DNS"),
    "unicode domain": (
        {"caddy": {"domain": "bücher.de"}},
        "caddy.domain: must be an ASCII DNS name",
    ),
    "bad punycode": ({"caddy": {"domain": "xn--0.example"}}, "caddy.domain: has a label that is"),
    "email": ({"caddy": {"email": "a{b@example.org"}}, "caddy.email: must be a mail address"),
    "origin with path": (
        {"caddy": {"allowed_origins": ["https://a.example/"]}},
        "caddy.allowed_origins[0]: must be an origin",
    ),
    "origin with default port": (
        {"caddy": {"allowed_origins": ["https://a.example:443"]}},
        "caddy.allowed_origins[0]: must have no default",
    ),
    "vault url": (
        {"azure": {"client_id": CLIENT_ID, "key_vault": "https://v.vault.azure.net"}},
        "azure.key_vault: must be the vault's name alone",
    ),
    "other cloud": (
        {"azure": {**MINIMAL["azure"], "key_vault_suffix": "evil.example"}},
        "azure.key_vault_suffix: must be 'vault.azure.net', 'vault.azure.cn' or",
    ),
    "client id": (
        {"azure": {"client_id": "me", "key_vault": "bench-vault"}},
        "azure.client_id: must be the client id (a UUID)",
    ),
    "same secret twice": (
        {"secrets": {"openclaw_config": "openclaw-gateway-token"}},
        "secrets.openclaw_config: must not be the secret of the gateway token",
    ),
    "secret name": (
        {"secrets": {"gateway_token": "a/b"}},
        "secrets.gateway_token: must be a secret",
    ),
    "root share": ({"share": {"path": "/"}}, "share.path: must be an absolute path"),
    "mnt share": ({"share": {"path": "/mnt"}}, "share.path: must be a directory of its own"),
    "share below etc": (
        {"share": {"path": "/etc/x"}},
        "share.path: must be a directory of its own",
    ),
    "dotted share": ({"share": {"path": "/srv/../etc"}}, "share.path: must be an absolute path"),
    "relative share": ({"share": {"path": "srv/x"}}, "share.path: must be an absolute path"),
    "slash at end": ({"share": {"path": "/srv/x/"}}, "share.path: must be an absolute path"),
    "share kind": (
        {"share": {"kind": "nfs"}},
        "share.kind: must be 'directory' or 'azure-files', not",
    ),
    "azure-files without account": (
        {"share": {"kind": "azure-files", "name": "bot"}},
        "share.account: is required for kind: azure-files",
    ),
    "account on a directory": (
        {"share": {"account": "mybotdata"}},
        "share.account: belongs to kind: azure-files",
    ),
    "account is a host": (
        {"share": {"kind": "azure-files", "account": "a.file.core.windows.net", "name": "bot"}},
        "share.account: must be the storage account's name alone",
    ),
    "share name with option": (
        {"share": {"kind": "azure-files", "account": "mybotdata", "name": "bot,uid=0"}},
        "share.name: must be the file share's name",
    ),
    "key secret with ticket": (
        {
            "share": {
                "kind": "azure-files",
                "account": "mybotdata",
                "name": "bot",
                "auth": "managed-identity",
                "key_secret": "key",
            }
        },
        "share.key_secret: belongs to auth: account-key",
    ),
    "share backend on a directory": (
        {"state": {"backend": "share"}},
        "state.backend: share needs share.kind: azure-files",
    ),
    "image size": ({"state": {"image_size": "0g"}}, "state.image_size: must be a size such as"),
    "huge image": ({"state": {"image_size": "2000g"}}, "state.image_size: must be 1g to 1024g"),
    "secrets path": ({"secrets": {"path": "x"}}, "secrets.path: must be an absolute path"),
    "secrets as state": (
        {"state": {"path": "/var/lib/clawbot/secrets/gateway"}},
        "state.path: must be a directory of its own, not the system's or the agent's",
    ),
    "state in share": (
        {"state": {"path": "/srv/clawbot/share/state"}},
        "state.path: must lie apart from share.path (/srv/clawbot/share)",
    ),
    "bip is network": ({"docker": {"bip": "172.20.0.0/16"}}, "docker.bip: must be a host address"),
    "bip public": ({"docker": {"bip": "8.8.8.8/24"}}, "docker.bip: must be in 10.0.0.0/8"),
    "bip nonsense": ({"docker": {"bip": "172.20.0.999/16"}}, "docker.bip: must be a valid IPv4"),
    "pool overlaps bip": (
        {"docker": {"address_pools": [{"base": "172.20.0.0/16", "size": 24}]}},
        "docker.address_pools[0].base: 172.20.0.0/16 overlaps docker.bip (172.20.0.0/16)",
    ),
    "pool with host bits": (
        {"docker": {"address_pools": [{"base": "172.25.0.1/16", "size": 24}]}},
        "docker.address_pools[0].base: must be a network such as",
    ),
    "pool size": (
        {"docker": {"address_pools": [{"base": "172.25.0.0/24", "size": 20}]}},
        "docker.address_pools[0].size: must be at least the prefix of base, 24",
    ),
    "no pool": ({"docker": {"address_pools": []}}, "docker.address_pools: must have at least 1"),
    "pools no list": (
        {"docker": {"address_pools": 3}},
        "docker.address_pools: must be a list, not 3",
    ),
    "log size": ({"docker": {"log_max_size": "10 MB"}}, "docker.log_max_size: must be a size"),
    "log file": ({"docker": {"log_max_file": True}}, "docker.log_max_file: must be a whole number"),
    "unknown sysbox": (
        {"sysbox": {"version": "0.8.0"}},
        "sysbox.url: is required for Sysbox 0.8.0, which this agent does not know",
    ),
    "sysbox http": (
        {"sysbox": {"url": "http://a.example/x.deb"}},
        "sysbox.url: must be a plain https:// URL",
    ),
    "sysbox hash": ({"sysbox": {"sha256": "ABC"}}, "sysbox.sha256: must be 64 lower-case hex"),
    "sysbox off but required": (
        {"sysbox": {"enabled": False, "required": True}},
        "sysbox.required: needs sysbox.enabled: true",
    ),
    "yes is no boolean": (
        {"sysbox": {"enabled": "yes"}},
        "sysbox.enabled: must be true or false, not 'yes'",
    ),
    "little memory": (
        {"gateway": {"memory_limit": "512m"}},
        "gateway.memory_limit: must be at least",
    ),
    "deadline": (
        {"limits": {"run_deadline": 30}},
        "limits.run_deadline: must be at least 60, not 30",
    ),
    "timeout over deadline": (
        {"gateway": {"ready_timeout": 250}, "limits": {"run_deadline": 200}},
        "gateway.ready_timeout: must be less than limits.run_deadline (200), not 250",
    ),
    "section is text": ({"sysbox": "on"}, "sysbox: must be a mapping of keys, not 'on'"),
}


@pytest.mark.parametrize(("changes", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_value_gives_exactly_one_line_with_its_path(
    changes: dict[str, Any], expected: str
) -> None:
    lines = lines_of(text_with(**changes))
    assert len(lines) == 1
    assert lines[0].startswith(expected)
    assert lines[0].isprintable()
