"""The tests' OpenClaw client: signatures and comparison of texts."""

import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.openclaw_client import Device, lost

_TOKEN = "presented"  # noqa: S105 - invented
_CHALLENGE = {"nonce": "n-1", "ts": 1795326217575}


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_proof_covers_device_token_and_challenge() -> None:
    device = Device()
    proof = device.proof(_CHALLENGE, token=_TOKEN)
    public = _raw(proof["publicKey"])
    assert proof["id"] == device.id == hashlib.sha256(public).hexdigest()
    signed = (
        f"v3|{device.id}|cli|cli|operator|operator.read,operator.write,operator.admin|"
        "1795326217575|presented|n-1|linux|"
    )
    key = Ed25519PublicKey.from_public_bytes(public)
    key.verify(_raw(proof["signature"]), signed.encode())
    with pytest.raises(InvalidSignature):
        key.verify(_raw(proof["signature"]), signed.replace(_TOKEN, "other").encode())


def test_lost_texts_keep_their_order() -> None:
    assert lost(["c", "a", "b"], {"a", "z"}) == ["c", "b"]
