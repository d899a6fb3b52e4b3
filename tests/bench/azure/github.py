"""GitHub's release downloads: a redirect from github.com to the asset host.

Knobs, all for the asset itself: ``corrupt`` (one byte is changed), ``truncate`` (the connection
drops after that many bytes; 0 is off), ``html`` (200 with an error page), ``status`` (this status
instead; 0 is off), ``slow`` (bytes per second; 0 is off), ``script`` (statuses for the next
downloads), ``down`` (connections to both hosts are dropped). ``assets`` adds files: path on
github.com to a file of the host; a reset keeps them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeGuard
from urllib.parse import quote

from tests.bench.azure.downloads import file_reply
from tests.bench.azure.knobs import KnobError, Knobs
from tests.bench.azure.messages import DROP, Reply, Request, text_reply

ASSET_HOST: Final = "release-assets.githubusercontent.com"
_PREFIX: Final = "/github-production-release-asset/182571592/"
_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Unicorn!</title></head><body></body></html>\n"


class GitHub:
    """Serves github.com and its asset host.

    Args:
        assets: path on github.com to file.
    """

    def __init__(self, assets: Mapping[str, Path]) -> None:
        self._releases: dict[str, Path] = {}
        self._assets: dict[str, Path] = {}
        self._add(assets)
        self.knobs = Knobs(
            corrupt=False, truncate=0, html=False, status=0, slow=0, script=[], down=False
        )

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change.

        Raises:
            KnobError: a knob's value has the wrong type, or an asset is not a file.
        """
        more = state.get("assets", {})
        files = {path: Path(str(file)) for path, file in more.items()} if _is_dict(more) else {}
        missing = [str(file) for file in files.values() if not file.is_file()]
        if missing or not _is_dict(more):
            message = f"assets: must map paths to existing files; not so: {missing or more}"
            raise KnobError(message)
        self.knobs.change({name: value for name, value in state.items() if name != "assets"})
        self._add(files)

    def snapshot(self) -> dict[str, object]:
        """Return the knobs and the paths of the assets."""
        return {**self.knobs.snapshot(), "assets": sorted(self._releases)}

    def _add(self, assets: Mapping[str, Path]) -> None:
        self._releases |= assets
        self._assets |= {_asset_path(path): file for path, file in assets.items()}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Method Not Allowed")
        if request.host == ASSET_HOST:
            return self._asset(request)
        if request.path not in self._releases:
            return text_reply(404, "Not Found")
        name = request.path.rpartition("/")[2]
        disposition = quote(f"attachment; filename={name}")
        query = f"sp=r&sv=2018-11-09&sr=b&rscd={disposition}&sig={_signature(request.path)}"
        location = f"https://{ASSET_HOST}{_asset_path(request.path)}?{query}"
        headers = (("Location", location), ("Cache-Control", "no-cache"))
        return Reply(302, (*headers, ("Content-Type", "text/html; charset=utf-8")))

    def _asset(self, request: Request) -> Reply:
        if status := self.knobs.next_status() or self.knobs["status"]:
            return text_reply(status, "Service Unavailable")
        file = self._assets.get(request.path)
        if file is None or "sig=" not in request.query:
            return text_reply(404, "The specified resource does not exist.")
        if self.knobs["html"]:
            return Reply(200, (("Content-Type", "text/html; charset=utf-8"),), _PAGE)
        disposition = f"attachment; filename={request.parameter('rscd') or ''}".rpartition("=")[2]
        headers = (
            ("Content-Type", "application/octet-stream"),
            ("Content-Disposition", f"attachment; filename={disposition}"),
            ("ETag", f'"0x{_signature(request.path)[:16].upper()}"'),
        )
        # near the end: what a package manager reads first stays intact
        flip = file.stat().st_size - 100 if self.knobs["corrupt"] else None
        reply = file_reply(request, file, *headers, flip=flip)
        return replace(
            reply, stop_after=self.knobs["truncate"] or None, rate=self.knobs["slow"] or None
        )


def _is_dict(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _asset_path(path: str) -> str:
    return f"{_PREFIX}{_signature(path)[:32]}"


def _signature(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
