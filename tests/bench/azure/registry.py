"""Docker Hub and ghcr.io, read-only: the registry HTTP API v2 with its token challenge.

Protocol: distribution/distribution, docs/spec/api.md and docs/spec/auth/token.md.

Knobs: ``script`` (statuses for the next manifest and blob requests), ``cut_blob_after`` (the
connection drops after that many bytes of a blob; 0 is off), ``slow`` (bytes per second of a blob; 0
is off), ``down`` (connections are dropped). ``images`` maps a reference to the path of an image
written by docker save, which is served from then on.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.azure.downloads import file_reply
from tests.bench.azure.image_store import ImageError, ImageStore
from tests.bench.azure.knobs import KnobError, Knobs
from tests.bench.azure.messages import DROP, Reply, Request, json_reply

_VERSION_HEADER: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
_TOKEN_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class _Realm:
    url: str
    service: str


# each registry's token server
_REALMS: Final = {
    "registry-1.docker.io": _Realm("https://auth.docker.io/token", "registry.docker.io"),
    "ghcr.io": _Realm("https://ghcr.io/token", "ghcr.io"),
}
_TOKEN_HOSTS: Final = ("auth.docker.io", "ghcr.io")
_SCRIPTED: Final = {
    429: ("TOOMANYREQUESTS", "You have reached your pull rate limit."),
    503: ("UNAVAILABLE", "service unavailable"),
}


class Registry:
    """Serves every registry in `_REALMS` and its token server.

    Args:
        store: the images.
    """

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        # token to its scope and its expiry (monotonic seconds)
        self._tokens: dict[str, tuple[str, float]] = {}
        self.knobs = Knobs(script=[], cut_blob_after=0, slow=0, down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change.

        Raises:
            KnobError: a bad knob, or an invalid image.
        """
        images = state.get("images", {})
        self.knobs.change({name: value for name, value in state.items() if name != "images"})
        if not isinstance(images, dict):
            message = "images: must be a mapping of reference to path"
            raise KnobError(message)
        for reference, path in images.items():
            try:
                self._store.add_saved(reference, Path(path))
            except ImageError as error:
                message = f"images: {error}"
                raise KnobError(message) from error

    def snapshot(self) -> dict[str, object]:
        """Return the knobs, and every image's reference and digest."""
        return {**self.knobs.snapshot(), "images": self._store.snapshot()}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if request.method not in {"GET", "HEAD"}:
            return _errors(405, "UNSUPPORTED", "The operation is unsupported.")
        if request.host in _TOKEN_HOSTS and request.path == "/token":
            return self._issue(request)
        realm = _REALMS.get(request.host)
        if realm is None or not request.path.startswith("/v2/"):
            return _errors(404, "NOT_FOUND", "page not found")
        steps = [step for step in request.path.removeprefix("/v2/").split("/") if step]
        name = "/".join(steps[:-2])
        scope = f"repository:{name}:pull" if name else ""
        if not self._authorized(request, scope):
            return _challenge(realm, scope)
        return self._read(request, name, steps) if name else json_reply(200, {}, _VERSION_HEADER)

    def _read(self, request: Request, name: str, steps: list[str]) -> Reply:
        if status := self.knobs.next_status():
            return _errors(status, *_SCRIPTED.get(status, ("UNKNOWN", "unknown error")))
        repository = f"{request.host}/{name}"
        tags = self._store.tags(repository)
        if tags is None:
            return _errors(404, "NAME_UNKNOWN", "repository name not known to registry")
        reply = _errors(404, "UNSUPPORTED", "The operation is unsupported.")
        match steps[-2:]:
            case ["tags", "list"]:
                reply = json_reply(200, {"name": name, "tags": tags}, _VERSION_HEADER)
            case ["manifests", reference]:
                reply = self._manifest(repository, reference)
            case ["blobs", digest]:
                reply = self._blob(request, repository, digest)
        return reply

    def _manifest(self, repository: str, reference: str) -> Reply:
        image = self._store.image(repository, reference)
        if image is None:
            return _errors(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": reference})
        headers = (
            ("Content-Type", image.media_type),
            ("Docker-Content-Digest", image.digest),
            ("ETag", f'"{image.digest}"'),
        )
        return Reply(200, (*headers, _VERSION_HEADER), image.manifest)

    def _blob(self, request: Request, repository: str, digest: str) -> Reply:
        file = self._store.blob(repository, digest)
        if file is None:
            return _errors(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
        headers = (("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest))
        reply = file_reply(request, file, *headers, _VERSION_HEADER)
        return replace(
            reply, stop_after=self.knobs["cut_blob_after"] or None, rate=self.knobs["slow"] or None
        )

    def _issue(self, request: Request) -> Reply:
        token = secrets.token_urlsafe(32)
        scope = request.parameter("scope") or ""
        with self._lock:
            self._tokens[token] = (scope, time.monotonic() + _TOKEN_SECONDS)
        content = {
            "token": token,
            "access_token": token,
            "expires_in": _TOKEN_SECONDS,
            "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        return json_reply(200, content)

    def _authorized(self, request: Request, scope: str) -> bool:
        with self._lock:
            granted, end = self._tokens.get(request.bearer() or "", ("", 0.0))
        return end > time.monotonic() and (not scope or scope in _each(granted))


def _each(granted: str) -> set[str]:
    """Return each action of a scope such as ``repository:a:pull,push`` as a separate scope."""
    scopes = set()
    for scope in granted.split():
        resource, _, actions = scope.rpartition(":")
        scopes |= {f"{resource}:{action}" for action in actions.split(",")}
    return scopes


def _challenge(realm: _Realm, scope: str) -> Reply:
    wanted = f',scope="{scope}"' if scope else ""
    challenge = f'Bearer realm="{realm.url}",service="{realm.service}"{wanted}'
    reply = _errors(401, "UNAUTHORIZED", "authentication required")
    return replace(reply, headers=(*reply.headers, ("WWW-Authenticate", challenge)))


def _errors(status: int, code: str, message: str, detail: object = None) -> Reply:
    error = {"code": code, "message": message, "detail": detail}
    return json_reply(status, {"errors": [error]}, _VERSION_HEADER)
