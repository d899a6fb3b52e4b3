"""A client of OpenClaw's gateway as on the internet: WebSocket through Caddy.

Handshake, device identity and methods follow docs/gateway/protocol in the npm package
openclaw@2026.9.6 (protocol 4).
"""

import base64
import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Self

import websocket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PROTOCOL: Final = 4
_CLIENT: Final = {"id": "cli", "version": "1.0.0", "platform": "linux", "mode": "cli"}
_ROLE: Final = "operator"
# chat.inject is an administrator's method
_SCOPES: Final = ("operator.read", "operator.write", "operator.admin")
_SESSION: Final = "agent:main:drill"
_PAGE: Final = 500
_RETRY_SECONDS: Final = 1.0
_CALL_SECONDS: Final = 120.0

# the answers of OpenClaw while it starts, and of Caddy without a backend
_PASSING: Final = frozenset({"UNAVAILABLE"})

Frame = dict[str, Any]


class OpenClawError(Exception):
    """The gateway refused.

    Attributes:
        code: OpenClaw's error code.
        details: OpenClaw's details.
    """

    def __init__(self, error: Frame) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = str(error.get("code"))
        self.details: Frame = error.get("details") or {}


class NotPairedError(OpenClawError):
    """The device must be approved first."""

    @property
    def request_id(self) -> str:
        """The id of the pairing request."""
        return str(self.details["requestId"])


class DisconnectedError(Exception):
    """The connection ended, or no answer came in time; the request may have been executed."""


class Device:
    """A client's permanent identity, an Ed25519 key."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    @property
    def id(self) -> str:
        """Fingerprint of the public key."""
        return hashlib.sha256(self._public).hexdigest()

    def proof(self, challenge: Frame, *, token: str) -> Frame:
        """Return the `device` of a connect request, bound to the gateway's challenge.

        Args:
            challenge: payload of the connect.challenge event.
            token: the token in the same request.
        """
        nonce, signed_at = challenge["nonce"], challenge["ts"]
        client = (_CLIENT["id"], _CLIENT["mode"], _ROLE, ",".join(_SCOPES))
        # the last field is the device's family; this device has none
        fields = ("v3", self.id, *client, str(signed_at), token, nonce, _CLIENT["platform"], "")
        return {
            "id": self.id,
            "publicKey": _base64url(self._public),
            "signature": _base64url(self._key.sign("|".join(fields).encode())),
            "signedAt": signed_at,
            "nonce": nonce,
        }

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()


class OpenClaw:
    """One client of one bot; not thread-safe.

    Args:
        base_url: of Caddy, `http://ADDRESS`.
        token: the gateway token.
        device: the client's identity.
    """

    def __init__(self, base_url: str, token: str, device: Device) -> None:
        self.device = device
        self._url = base_url.replace("http", "ws", 1).rstrip("/") + "/"
        self._token = token
        self._socket: websocket.WebSocket | None = None
        self._numbers = itertools.count(1)

    @property
    def device_id(self) -> str:
        """The id by which the gateway identifies this client."""
        return self.device.id

    def connect(self, *, within: float = 60.0) -> Frame:
        """Connect, with retries while the bot is unavailable; return the gateway's hello.

        An existing connection is closed.

        Args:
            within: time limit, in seconds.

        Raises:
            NotPairedError: the bot does not know the device.
            OpenClawError: refused for another reason.
            DisconnectedError: not connected in that time.
        """
        deadline = time.monotonic() + within
        self.close()
        while True:
            try:
                return self._hello(max(deadline - time.monotonic(), 1.0))
            except (OpenClawError, DisconnectedError) as error:
                self.close()
                passing = isinstance(error, DisconnectedError) or error.code in _PASSING
                if not passing or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_SECONDS)

    def call(self, method: str, params: Frame, *, timeout: float = _CALL_SECONDS) -> Frame:
        """Call a method; return the payload of the answer.

        Raises:
            OpenClawError: the gateway refused.
            DisconnectedError: no answer.
        """
        number = str(next(self._numbers))
        request = {"type": "req", "id": number, "method": method, "params": params}
        deadline = time.monotonic() + timeout
        with self._connected() as connection:
            connection.settimeout(timeout)
            connection.send(json.dumps(request))
            answer = self._frame(deadline, type="res", id=number)
        if answer["ok"]:
            payload: Frame = answer.get("payload") or {}
            return payload
        error = answer["error"]
        paired = (error.get("details") or {}).get("code") != "PAIRING_REQUIRED"
        raise OpenClawError(error) if paired else NotPairedError(error)

    def remember(self, text: str, *, timeout: float = _CALL_SECONDS) -> str:
        """Add a text to the bot's conversation; return OpenClaw's id of it.

        Then it is in OpenClaw's database, but the operating system decides when it reaches the disk
        (WAL with `synchronous=NORMAL`): to survive a power cut it needs a `sync` on the machine.
        """
        params = {"sessionKey": _SESSION, "message": text}
        return str(self.call("chat.inject", params, timeout=timeout)["messageId"])

    def recall(self) -> set[str]:
        """Return all texts in the conversation."""
        texts: set[str] = set()
        for offset in itertools.count(0, _PAGE):
            asked = {"sessionKey": _SESSION, "limit": _PAGE, "offset": offset}
            page = self.call("chat.history", asked)
            parts = [part for message in page["messages"] for part in message["content"]]
            texts |= {part["text"] for part in parts if part["type"] == "text"}
            if not page.get("hasMore"):
                break
        return texts

    def close(self) -> None:
        """Close the connection, if any."""
        if self._socket is not None:
            # without a closing handshake, which a dead machine would not answer
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # theirs is not annotated
            self._socket = None

    def abort(self) -> None:
        """Make a call that waits in another thread raise DisconnectedError."""
        if self._socket is not None:
            self._socket.abort()  # type: ignore[no-untyped-call]  # theirs is not annotated

    def __enter__(self) -> Self:
        """Connect for a with block."""
        self.connect()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the connection."""
        self.close()

    def _hello(self, timeout: float) -> Frame:
        deadline = time.monotonic() + timeout
        try:
            # an Origin header would mark it as the control interface, which has other rules
            self._socket = websocket.create_connection(
                self._url, timeout=timeout, suppress_origin=True
            )
        except (OSError, websocket.WebSocketException) as error:
            msg = f"no WebSocket at {self._url}: {error}"
            raise DisconnectedError(msg) from error
        challenge = self._frame(deadline, type="event", event="connect.challenge")["payload"]
        params = {
            "minProtocol": _PROTOCOL,
            "maxProtocol": _PROTOCOL,
            "client": _CLIENT,
            "role": _ROLE,
            "scopes": _SCOPES,
            "auth": {"token": self._token},
            "device": self.device.proof(challenge, token=self._token),
        }
        hello = self.call("connect", params, timeout=timeout)
        # always the same session; it is created if missing
        self.call("sessions.create", {"key": _SESSION}, timeout=timeout)
        return hello

    def _frame(self, deadline: float, **wanted: str) -> Frame:
        """Return the next frame with these values; skip other events."""
        while time.monotonic() < deadline:
            with self._connected() as connection:
                text = connection.recv()
            if not text:
                break
            frame: Frame = json.loads(text)
            if wanted.items() <= frame.items():
                return frame
        self.close()
        msg = f"{self._url} closed the connection or sent no {wanted}"
        raise DisconnectedError(msg)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[websocket.WebSocket]:
        if self._socket is None:
            msg = f"not connected to {self._url}"
            raise DisconnectedError(msg)
        try:
            yield self._socket
        except (OSError, websocket.WebSocketException) as error:
            self.close()
            msg = f"{self._url}: {error}"
            raise DisconnectedError(msg) from error


def lost(remembered: Sequence[str], recalled: set[str]) -> list[str]:
    """Return the remembered texts that are not recalled, in order."""
    return [text for text in remembered if text not in recalled]


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
