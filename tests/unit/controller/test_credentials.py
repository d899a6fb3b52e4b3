"""A token is requested once for all threads, and again shortly before it expires."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from clawbot_controller.azure.credentials import CachedCredential, unusable_public_key

ARM, VAULT = "https://management.azure.com/.default", "https://vault.azure.net/.default"


class Counted:
    """A credential that records its requests; tokens are numbered and valid for an hour."""

    def __init__(self) -> None:
        self.requests: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.broken = False

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401 - azure-core's protocol
        """Return the next token."""
        self.requests.append((scopes, more))
        if self.broken:
            message = "no login"
            raise CredentialUnavailableError(message)
        return AccessToken(str(len(self.requests)), 3600 * len(self.requests))


def cached(counted: Counted, clock: list[float]) -> CachedCredential:
    return CachedCredential(counted, now=lambda: clock[0])


def number(token: AccessToken) -> int:
    """Return the number of a token."""
    return int(token.token)


def test_ten_threads_request_one_token() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: number(credential.get_token(ARM)), range(50)))
    assert set(found) == {1}
    assert len(counted.requests) == 1


def test_each_scope_and_tenant_has_its_own_token() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    credential.get_token(ARM)
    credential.get_token(VAULT)
    credential.get_token(VAULT, tenant_id="other")
    credential.get_token(VAULT)
    assert [(scopes, more["tenant_id"]) for scopes, more in counted.requests] == [
        ((ARM,), None),
        ((VAULT,), None),
        ((VAULT,), "other"),
    ]


def test_token_is_requested_again_5_minutes_before_expiry() -> None:
    counted, clock = Counted(), [0.0]
    credential = cached(counted, clock)
    credential.get_token(ARM)
    clock[0] = 3600.0 - 301
    assert number(credential.get_token(ARM)) == 1
    clock[0] = 3600.0 - 300
    assert number(credential.get_token(ARM)) == 2


def test_claims_request_a_new_token() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    credential.get_token(ARM)
    assert number(credential.get_token(ARM, claims="more")) == 2
    assert counted.requests[-1][1]["claims"] == "more"
    assert number(credential.get_token(ARM)) == 2


def test_failure_is_not_cached() -> None:
    counted = Counted()
    counted.broken = True
    credential = cached(counted, [0.0])
    with pytest.raises(CredentialUnavailableError):
        credential.get_token(ARM)
    counted.broken = False
    assert number(credential.get_token(ARM)) == 2


def test_public_key_is_new_each_time_and_rsa_3072() -> None:
    first, second = unusable_public_key(), unusable_public_key()
    assert first != second
    key = load_ssh_public_key(first.encode())
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 3072
