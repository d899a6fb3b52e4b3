"""A client of OpenClaw's gateway as one on the internet has it: WebSocket through Caddy.

Handshake, device identity and methods are those of docs/gateway/protocol in the npm package
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

# what OpenClaw answers while it starts, and Caddy while nothing is behind it
_PASSING: Final = frozenset({"UNAVAILABLE"})

Frame = dict[str, Any]


class OpenClawError(Exception):
    """The gateway refused.

    Attributes:
        code: OpenClaw's own word for it.
        details: what it adds.
    """

    def __init__(self, error: Frame) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = str(error.get("code"))
        self.details: Frame = error.get("details") or {}


class NotPairedError(OpenClawError):
    """The device has to be approved first."""

    @property
    def request_id(self) -> str:
        """What is to be approved."""
        return str(self.details["requestId"])


class DisconnectedError(Exception):
    """The connection ended, or no answer came in time; what was asked may or may not be done."""


class Device:
    """A client's own identity, which it keeps for good: an Ed25519 key."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    @property
    def id(self) -> str:
        """Fingerprint of the public key."""
        return hashlib.sha256(self._public).hexdigest()

    def proof(self, challenge: Frame, *, token: str) -> Frame:
        """The `device` of a connect request, bound to the gateway's challenge.

        Args:
            challenge: payload of the connect.challenge event.
            token: the one that is presented beside it.
        """
        nonce, signed_at = challenge["nonce"], challenge["ts"]
        client = (_CLIENT["id"], _CLIENT["mode"], _ROLE, ",".join(_SCOPES))
        # the last field is the device's family, of which this one has none
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
    """One client of one bot; not for use by two threads at a time.

    Args:
        base_url: of Caddy, `http://ADDRESS`.
        token: the gateway's.
        device: the client's identity; the same one again is the same client.
    """

    def __init__(self, base_url: str, token: str, device: Device) -> None:
        self.device = device
        self._url = base_url.replace("http", "ws", 1).rstrip("/") + "/"
        self._token = token
        self._socket: websocket.WebSocket | None = None
        self._numbers = itertools.count(1)

    @property
    def device_id(self) -> str:
        """By which the gateway knows this client."""
        return self.device.id

    def connect(self, *, within: float = 60.0) -> Frame:
        """Say hello, again and again while the bot is not there yet; the gateway's hello.

        A connection from before is hung up.

        Args:
            within: seconds until it gives up.

        Raises:
            NotPairedError: the device is new to this bot.
            OpenClawError: refused for another reason.
            DisconnectedError: not there in that time.
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
        """Ask for one thing; the payload of the answer.

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
        """Have the bot keep a text in its conversation; OpenClaw's id of it.

        It is in OpenClaw's database when this returns, but OpenClaw leaves it to the operating
        system when that reaches the disk (WAL with `synchronous=NORMAL`): what must survive a
        power cut needs a `sync` on the machine after it.
        """
        params = {"sessionKey": _SESSION, "message": text}
        return str(self.call("chat.inject", params, timeout=timeout)["messageId"])

    def recall(self) -> set[str]:
        """All texts that were remembered."""
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
        """Hang up; fine when there is no connection."""
        if self._socket is not None:
            # without a closing handshake, which a dead machine would not answer
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # theirs is not annotated
            self._socket = None

    def abort(self) -> None:
        """Have a call that waits in another thread end with DisconnectedError."""
        if self._socket is not None:
            self._socket.abort()  # type: ignore[no-untyped-call]  # theirs is not annotated

    def __enter__(self) -> Self:
        """Connect for the time of a with block."""
        self.connect()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Hang up."""
        self.close()

    def _hello(self, timeout: float) -> Frame:
        deadline = time.monotonic() + timeout
        try:
            # a browser's Origin would make it the control interface, which has other rules
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
        # the same session every time; it is made when there is none
        self.call("sessions.create", {"key": _SESSION}, timeout=timeout)
        return hello

    def _frame(self, deadline: float, **wanted: str) -> Frame:
        """The next frame with these values; others are events about what goes on."""
        while time.monotonic() < deadline:
            with self._connected() as connection:
                text = connection.recv()
            if not text:
                break
            frame: Frame = json.loads(text)
            if wanted.items() <= frame.items():
                return frame
        self.close()
        msg = f"{self._url} hung up or said nothing of {wanted}"
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
    """What was remembered and is not recalled, in its order."""
    return [text for text in remembered if text not in recalled]


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
