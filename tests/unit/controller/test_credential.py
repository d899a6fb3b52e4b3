"""A token is asked for once, whoever needs it, and again shortly before its end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError

from clawbot_controller.azure.credential import Cached

ARM, VAULT = "https://management.azure.com/.default", "https://vault.azure.net/.default"


class Counted:
    """A credential that knows how often it was asked; its tokens live for an hour."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.broken = False

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401 - azure-core's protocol
        """One with a number."""
        self.asked.append((scopes, more))
        if self.broken:
            message = "no login"
            raise CredentialUnavailableError(message)
        return AccessToken(str(len(self.asked)), 3600 * len(self.asked))


def cached(counted: Counted, clock: list[float]) -> Cached:
    return Cached(counted, now=lambda: clock[0])


def number(token: AccessToken) -> int:
    """Which one it is."""
    return int(token.token)


def test_ten_at_once_ask_once() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: number(credential.get_token(ARM)), range(50)))
    assert set(found) == {1}
    assert len(counted.asked) == 1


def test_each_scope_and_tenant_has_its_own() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    credential.get_token(ARM)
    credential.get_token(VAULT)
    credential.get_token(VAULT, tenant_id="other")
    credential.get_token(VAULT)
    assert [(scopes, more["tenant_id"]) for scopes, more in counted.asked] == [
        ((ARM,), None),
        ((VAULT,), None),
        ((VAULT,), "other"),
    ]


def test_it_is_asked_again_minutes_before_the_end() -> None:
    counted, clock = Counted(), [0.0]
    credential = cached(counted, clock)
    credential.get_token(ARM)
    clock[0] = 3600.0 - 301
    assert number(credential.get_token(ARM)) == 1
    clock[0] = 3600.0 - 300
    assert number(credential.get_token(ARM)) == 2


def test_claims_want_another_token() -> None:
    counted = Counted()
    credential = cached(counted, [0.0])
    credential.get_token(ARM)
    assert number(credential.get_token(ARM, claims="more")) == 2
    assert counted.asked[-1][1]["claims"] == "more"
    assert number(credential.get_token(ARM)) == 2


def test_a_failure_is_not_kept() -> None:
    counted = Counted()
    counted.broken = True
    credential = cached(counted, [0.0])
    with pytest.raises(CredentialUnavailableError):
        credential.get_token(ARM)
    counted.broken = False
    assert number(credential.get_token(ARM)) == 2
