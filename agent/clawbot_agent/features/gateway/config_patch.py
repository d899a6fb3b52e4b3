"""The desired openclaw.json.

    desired = live (+) fragment from Key Vault (+) what a bot behind Caddy needs

where (+) is a JSON merge patch (RFC 7396). Settings written by OpenClaw and its control UI are
kept, Key Vault overrides them, and neither can unlock the gateway by accident.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from clawbot_agent.core.constants import GATEWAY_PORT
from clawbot_agent.features.gateway.container_spec import SECRETS_MOUNT, Json

_PROVIDER: Final = "clawbot"
_RATE_LIMIT: Final = {"maxAttempts": 10, "windowMs": 60_000, "lockoutMs": 300_000}
_DANGEROUS: Final = (
    "dangerouslyAllowHostHeaderOriginFallback",
    "dangerouslyDisableDeviceAuth",
    "allowInsecureAuth",
)


def merge_patch(target: object, patch: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return `target` with `patch` applied (RFC 7396), where null removes a key."""
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
    """Return the content of openclaw.json. Applied to its own result it changes nothing.

    Args:
        live: the present content.
        fragment: the fragment from Key Vault.
        bridge: address of the Docker bridge. Every request comes from there, and OpenClaw
            answers 403 `proxy_attribution_required` unless it trusts exactly that proxy.
        allowed_origins: browser origins that may use the control UI in addition to the
            fragment's; no others may.
    """
    merged: Json = merge_patch(live, fragment)
    gateway = _section(merged, "gateway")
    gateway |= {"mode": "local", "bind": "lan", "port": GATEWAY_PORT, "trustedProxies": [bridge]}
    auth = _section(gateway, "auth")
    auth["mode"] = "token"
    # a literal token would override a rotated one; a reference follows the file
    auth["token"] = {"source": "file", "provider": _PROVIDER, "id": "value"}
    auth.setdefault("rateLimit", dict(_RATE_LIMIT))
    providers = _section(_section(merged, "secrets"), "providers")
    providers[_PROVIDER] = {
        "source": "file",
        "path": f"{SECRETS_MOUNT}/token",
        "mode": "singleValue",
    }
    _lock_control_ui(gateway, _origins(fragment, allowed_origins))
    # a shell in the gateway for every client with the token: only Key Vault may enable it
    terminal = _section(gateway, "terminal")
    terminal["enabled"] = _at(fragment, "gateway", "terminal", "enabled") is True
    return merged


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dotted paths of what differs, at most three keys deep, without values."""
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


def _origins(fragment: Mapping[str, Any], configured: Iterable[str]) -> list[str]:
    # not the live file's: a domain that the bot has given up must not stay allowed
    found = _at(fragment, "gateway", "controlUi", "allowedOrigins")
    named = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return list(dict.fromkeys((*named, *configured)))


def _lock_control_ui(gateway: Json, origins: list[str]) -> None:
    control_ui = _section(gateway, "controlUi")
    for key in (*_DANGEROUS, "allowedOrigins"):
        control_ui.pop(key, None)
    # without any, OpenClaw allows those of the instance only
    if origins:
        control_ui["allowedOrigins"] = origins
    if not control_ui:
        del gateway["controlUi"]
