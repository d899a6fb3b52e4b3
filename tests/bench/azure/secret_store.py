"""The secrets of one vault: versions, and deleted secrets that can be recovered."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a secret. `created` is in seconds since the epoch."""

    identifier: str
    value: str = field(repr=False)
    created: int
    content_type: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class SecretStore:
    """The secrets of a vault; names are case-insensitive.

    Args:
        vault: the vault's name.
        clock: seconds since the epoch.
    """

    def __init__(self, vault: str, clock: Callable[[], float]) -> None:
        self.vault = vault
        self._clock = clock
        self._lock = threading.Lock()
        # lower-case name to versions, oldest first
        self._secrets: dict[str, list[Version]] = {}
        self._deleted: dict[str, list[Version]] = {}

    def names(self) -> list[str]:
        """Return the names of all secrets."""
        with self._lock:
            return sorted(self._secrets)

    def deleted_names(self) -> list[str]:
        """Return the names of deleted secrets that can be recovered."""
        with self._lock:
            return sorted(self._deleted)

    def versions(self, name: str) -> list[Version]:
        """Return the versions, oldest first; empty if there is no such secret."""
        with self._lock:
            return list(self._secrets.get(name.lower(), ()))

    def deleted(self, name: str) -> list[Version]:
        """Return the versions of a deleted secret."""
        with self._lock:
            return list(self._deleted.get(name.lower(), ()))

    def put(
        self, name: str, value: str, content_type: str = "", tags: dict[str, str] | None = None
    ) -> Version:
        """Add a version of a secret."""
        new = Version(
            secrets.token_hex(16), value, int(self._clock()), content_type, dict(tags or {})
        )
        with self._lock:
            self._secrets.setdefault(name.lower(), []).append(new)
        return new

    def take(self, name: str) -> list[Version]:
        """Delete a secret so that it can be recovered."""
        with self._lock:
            versions = self._secrets.pop(name.lower(), [])
            if versions:
                self._deleted[name.lower()] = versions
        return versions

    def recover(self, name: str) -> list[Version]:
        """Recover a deleted secret."""
        with self._lock:
            versions = self._deleted.pop(name.lower(), [])
            if versions:
                self._secrets[name.lower()] = versions
        return versions

    def purge(self, name: str) -> bool:
        """Purge a deleted secret; return false if there is none."""
        with self._lock:
            return self._deleted.pop(name.lower(), None) is not None

    def seed(self, name: str, value: str | None) -> None:
        """Set a value, without a new version if it is unchanged; None removes all versions."""
        with self._lock:
            versions = self._secrets.get(name.lower(), [])
            if value is None:
                self._secrets.pop(name.lower(), None)
                self._deleted.pop(name.lower(), None)
        if value is not None and (not versions or versions[-1].value != value):
            self.put(name, value)

    def shown(self, name: str, version: Version, *, value: bool = True) -> dict[str, Any]:
        """Return a version as the service shows it."""
        content: dict[str, Any] = {
            "contentType": version.content_type,
            "id": f"https://{self.vault}.vault.azure.net/secrets/{name}/{version.identifier}",
            "attributes": {
                "enabled": True,
                "created": version.created,
                "updated": version.created,
                "recoveryLevel": "Recoverable+Purgeable",
                "recoverableDays": 7,
            },
            "tags": version.tags,
        }
        return {"value": version.value, **content} if value else content
