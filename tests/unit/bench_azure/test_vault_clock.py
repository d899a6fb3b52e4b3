from dataclasses import dataclass

import pytest

from tests.bench.azure import VAULT
from tests.bench.azure.keyvault import AUDIENCE, KeyVault
from tests.bench.azure.messages import Request
from tests.bench.azure.tokens import TokenBook


@dataclass(slots=True)
class Clock:
    """A clock that the test sets."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """Return seconds since the epoch."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> TokenBook:
    return TokenBook(clock)


def request(tokens: TokenBook) -> Request:
    token = tokens.issue(client_id="me", resource=AUDIENCE, lifetime=86400)
    headers = {"authorization": f"Bearer {token.value}"}
    return Request(
        "GET",
        "/secrets/a",
        host=f"{VAULT}.vault.azure.net",
        query="api-version=7.4",
        headers=headers,
    )


def test_forbidden_time_starts_with_the_first_request(clock: Clock, tokens: TokenBook) -> None:
    vault = KeyVault(tokens, clock)
    vault.change({"secrets": {"a": "b"}, "forbidden_for": 20})
    clock.now += 1000
    assert vault.answer(request(tokens)).status == 403
    clock.now += 19
    assert vault.answer(request(tokens)).status == 403
    clock.now += 1
    assert vault.answer(request(tokens)).status == 200


def test_setting_forbidden_again_restarts_its_time(clock: Clock, tokens: TokenBook) -> None:
    vault = KeyVault(tokens, clock)
    vault.change({"secrets": {"a": "b"}, "forbidden_for": 20})
    vault.answer(request(tokens))
    clock.now += 20
    vault.change({"forbidden_for": 20})
    assert vault.answer(request(tokens)).status == 403


def test_challenge_does_not_count_as_a_request(clock: Clock, tokens: TokenBook) -> None:
    vault = KeyVault(tokens, clock)
    vault.change({"secrets": {"a": "b"}, "script": [429]})
    assert (
        vault.answer(
            Request("GET", "/secrets/a", host=f"{VAULT}.vault.azure.net", query="api-version=7.4")
        ).status
        == 401
    )
    assert [vault.answer(request(tokens)).status for _ in range(2)] == [429, 200]


def test_expired_token_is_refused(clock: Clock, tokens: TokenBook) -> None:
    vault = KeyVault(tokens, clock)
    asked = request(tokens)
    clock.now += 86400
    assert vault.answer(asked).status == 401


def test_token_near_its_expiry_is_replaced(clock: Clock, tokens: TokenBook) -> None:
    first = tokens.issue(client_id="me", resource=AUDIENCE, lifetime=3600)
    assert tokens.issue(client_id="me", resource=f"{AUDIENCE}/", lifetime=3600) is first
    clock.now += 3600 - 299
    assert tokens.issue(client_id="me", resource=AUDIENCE, lifetime=3600) is not first


def test_unchanged_value_adds_no_version(clock: Clock, tokens: TokenBook) -> None:
    vault = KeyVault(tokens, clock)
    for value in ("b", "b", "c"):
        vault.change({"secrets": {"a": value}})
    assert len(vault.snapshot()["secrets"]["a"]) == 2  # type: ignore[index]  # a plain mapping
