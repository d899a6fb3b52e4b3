"""The key that Azure wants and nobody has."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from clawbot_controller.azure.keys import public_key


def test_a_new_one_each_time_of_a_kind_that_azure_takes() -> None:
    first, second = public_key(), public_key()
    assert first != second
    key = load_ssh_public_key(first.encode())
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 3072
