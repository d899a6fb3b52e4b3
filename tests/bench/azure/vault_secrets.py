"""Operations on the secrets of one vault."""

import json
import re
from typing import Any, Final

from tests.bench.azure.messages import Reply, Request, json_reply
from tests.bench.azure.secret_store import SecretStore, Version

HOST: Final = ".vault.azure.net"
NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_WRITTEN: Final = {"value", "contentType", "attributes", "tags"}


def answer_secrets(request: Request, store: SecretStore, steps: list[str]) -> Reply:  # noqa: PLR0911 - one return for each operation
    """Answer a request below /secrets."""
    match (request.method, steps):
        case ("GET", []):
            latest = [(name, store.versions(name)[-1]) for name in store.names()]
            return _list(store, latest)
        case ("GET", [name, "versions"]):
            return _list(store, [(name, version) for version in store.versions(name)])
        case ("GET", [name, *identifier]):
            found = [item for item in store.versions(name) if identifier in ([], [item.identifier])]
            if not found:
                return _unknown("/".join((name, *identifier)))
            return json_reply(200, store.shown(name, found[-1]))
        case ("PUT", [name]):
            return _write(request, store, name)
        case ("DELETE", [name]):
            versions = store.take(name)
            return _deletion(store, name, versions) if versions else _unknown(name)
    return vault_error(405, "MethodNotAllowed", "The bench's vaults do not support this method.")


def answer_deleted(request: Request, store: SecretStore, steps: list[str]) -> Reply:
    """Answer a request below /deletedsecrets."""
    match (request.method, steps):
        case ("GET", []):
            latest = [(name, store.deleted(name)[-1]) for name in store.deleted_names()]
            return _list(store, latest)
        case ("GET", [name]):
            versions = store.deleted(name)
            return _deletion(store, name, versions) if versions else _unknown(name)
        case ("POST", [name, "recover"]):
            versions = store.recover(name)
            if not versions:
                return _unknown(name)
            return json_reply(200, store.shown(name, versions[-1], value=False))
        case ("DELETE", [name]):
            return Reply(204) if store.purge(name) else _unknown(name)
    return vault_error(405, "MethodNotAllowed", "The bench's vaults do not support this method.")


def _write(request: Request, store: SecretStore, name: str) -> Reply:
    try:
        content: Any = json.loads(request.body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or set(content) - _WRITTEN or "value" not in content:
        return vault_error(400, "BadParameter", "The request body is not a secret.")
    if not NAME.fullmatch(name) or not isinstance(content["value"], str):
        return vault_error(400, "BadParameter", "The name or the value of the secret is invalid.")
    if store.deleted(name):
        message = (
            f"Secret {name} is currently in a deleted but recoverable state, and its name cannot "
            "be reused; in this state, the secret can only be recovered or purged."
        )
        inner = {"code": "ObjectIsDeletedButRecoverable"}
        error = {"code": "Conflict", "message": message, "innererror": inner}
        return json_reply(409, {"error": error})
    version = store.put(
        name, content["value"], content.get("contentType") or "", content.get("tags") or {}
    )
    return json_reply(200, store.shown(name, version))


def _list(store: SecretStore, found: list[tuple[str, Version]]) -> Reply:
    entries = []
    for name, version in found:
        shown = store.shown(name, version, value=False)
        entries.append({**shown, "id": shown["id"].rpartition("/")[0]})
    return json_reply(200, {"value": entries, "nextLink": None})


def _deletion(store: SecretStore, name: str, versions: list[Version]) -> Reply:
    shown = store.shown(name, versions[-1], value=False)
    recovery = f"https://{store.vault}{HOST}/deletedsecrets/{name}"
    dates = {
        "deletedDate": versions[-1].created,
        "scheduledPurgeDate": versions[-1].created + 604800,
    }
    return json_reply(200, {**shown, "recoveryId": recovery, **dates})


def _unknown(name: str) -> Reply:
    message = (
        f"A secret with (name/id) {name} was not "
        "found in this key vault. If you recently deleted this secret you may be able to "
        "recover it using the correct recovery command. For help resolving this issue, "
        "please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
    return vault_error(404, "SecretNotFound", message)


def vault_error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    """Return an error in the service's format."""
    return json_reply(status, {"error": {"code": code, "message": message}}, *headers)
