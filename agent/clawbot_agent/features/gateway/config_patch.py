"""What openclaw.json has to say: the bot's own settings, Key Vault's, and ours above all.

    desired = live (+) fragment from Key Vault (+) what a bot behind Caddy needs

where (+) is a JSON merge patch (RFC 7396). So what OpenClaw and its control UI wrote
survives, Key Vault wins over it, and nobody can unlock the gateway by accident.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_PORT

__all__ = ["SECRETS_MOUNT", "changed_paths", "desired_config", "merge_patch"]

Json = dict[str, Any]

# where the gateway's container has the agent's secrets
SECRETS_MOUNT: Final = "/run/clawbot-secrets"
_PROVIDER: Final = "clawbot"
_RATE_LIMIT: Final = {"maxAttempts": 10, "windowMs": 60_000, "lockoutMs": 300_000}
_DANGEROUS: Final = (
    "dangerouslyAllowHostHeaderOriginFallback",
    "dangerouslyDisableDeviceAuth",
    "allowInsecureAuth",
)


def merge_patch(target: object, patch: object) -> Any:  # noqa: ANN401 - any JSON value
    """`target` with `patch` applied (RFC 7396); null removes. Neither is changed."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    merged = deepcopy(dict(target)) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def desired_config(
    live: Mapping[str, Any],
    fragment: Mapping[str, Any],
    *,
    bridge: str,
    allowed_origins: Iterable[str],
) -> Json:
    """The whole of openclaw.json.

    Applied to its own result it changes nothing.

    Args:
        live: what is in the file now.
        fragment: what Key Vault adds.
        bridge: address of the docker bridge. Every request comes from there, and OpenClaw
            answers 403 `proxy_attribution_required` unless it trusts exactly that proxy.
        allowed_origins: from which browsers may use the control UI, besides those that
            the fragment names; nobody else's.
    """
    merged: Json = merge_patch(live, fragment)
    gateway = _section(merged, "gateway")
    gateway |= {"mode": "local", "bind": "lan", "port": GATEWAY_PORT, "trustedProxies": [bridge]}
    auth = _section(gateway, "auth")
    auth["mode"] = "token"
    # a token written here would win over a rotated one; a reference follows the file
    auth["token"] = {"source": "file", "provider": _PROVIDER, "id": "value"}
    auth.setdefault("rateLimit", dict(_RATE_LIMIT))
    providers = _section(_section(merged, "secrets"), "providers")
    providers[_PROVIDER] = {
        "source": "file",
        "path": f"{SECRETS_MOUNT}/token",
        "mode": "singleValue",
    }
    _lock_control_ui(gateway, _origins(fragment, allowed_origins))
    # a shell inside the gateway for whoever has the token; only Key Vault may open it
    terminal = _section(gateway, "terminal")
    terminal["enabled"] = _at(fragment, "gateway", "terminal", "enabled") is True
    return merged


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted paths of what differs, at most three keys deep; never a value."""
    return tuple(_changes(before, after, prefix="", depth=3))


def _changes(before: object, after: object, *, prefix: str, depth: int) -> Iterable[str]:
    if before == after:
        return
    if not (depth and isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield prefix.rstrip(".")
        return
    for key in sorted(before.keys() | after.keys()):
        inner = f"{prefix}{key}."
        yield from _changes(before.get(key), after.get(key), prefix=inner, depth=depth - 1)


def _section(parent: Json, key: str) -> Json:
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    section: Json = parent[key]
    return section


def _at(document: object, *keys: str) -> object:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _origins(fragment: Mapping[str, Any], ours: Iterable[str]) -> list[str]:
    # not those of the live file: a domain that is no longer ours must not stay allowed there
    found = _at(fragment, "gateway", "controlUi", "allowedOrigins")
    named = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return list(dict.fromkeys((*named, *ours)))


def _lock_control_ui(gateway: Json, origins: list[str]) -> None:
    control_ui = _section(gateway, "controlUi")
    for key in (*_DANGEROUS, "allowedOrigins"):
        control_ui.pop(key, None)
    # without any, OpenClaw itself allows those of the instance alone
    if origins:
        control_ui["allowedOrigins"] = origins
    if not control_ui:
        del gateway["controlUi"]
