"""A key that nobody has: Azure wants one for a Linux instance, and nobody is to log in."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["public_key"]

# what every version of Azure's API takes; ed25519 only the newer
_BITS: Final = 3072


def public_key() -> str:
    """The public half of a new key in OpenSSH's form; the private half is gone afterwards."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS).public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} nobody"
