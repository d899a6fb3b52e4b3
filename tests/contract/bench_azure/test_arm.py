import pytest

from tests.bench.azure import RESOURCE_GROUP, SUBSCRIPTION_ID
from tests.bench.azure.control import ControlError
from tests.contract.bench_azure.conftest import Answer, Azure

AUDIENCE = "https://management.azure.com/"
KEYS = ["Zmlyc3Q=", "c2Vjb25k"]


def path(account: str = "acct", group: str = RESOURCE_GROUP) -> str:
    return (
        f"https://management.azure.com/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{group}"
        f"/providers/Microsoft.Storage/storageAccounts/{account}/listKeys?api-version=2025-01-01"
    )


def keys(azure: Azure, url: str, audience: str = AUDIENCE) -> Answer:
    token = azure.token(resource=audience).json["access_token"]
    return azure.ask(url, method="POST", Authorization=f"Bearer {token}")


@pytest.fixture
def account(azure: Azure) -> Azure:
    azure.control.set("arm", accounts={"acct": KEYS})
    return azure


def test_account_keys_are_listed(account: Azure) -> None:
    answer = keys(account, path())
    assert answer.status == 200
    assert [entry["value"] for entry in answer.json["keys"]] == KEYS
    assert {entry["permissions"] for entry in answer.json["keys"]} == {"FULL"}
    assert "Zmlyc3Q=" not in str(account.control.get("arm"))


def test_token_for_another_audience_is_refused(account: Azure) -> None:
    answer = keys(account, path(), audience="https://vault.azure.net")
    assert (answer.status, answer.json["error"]["code"]) == (401, "InvalidAuthenticationToken")
    answer = account.ask(path(), method="POST")
    assert (answer.status, answer.json["error"]["code"]) == (401, "AuthenticationFailed")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (path("other"), "ResourceNotFound"),
        (path(group="other"), "ResourceGroupNotFound"),
        (path().partition("?")[0], "MissingApiVersionParameter"),
    ],
)
def test_missing_account_is_not_found(account: Azure, url: str, code: str) -> None:
    answer = keys(account, url)
    assert answer.status in {400, 404}
    assert answer.json["error"]["code"] == code


def test_reset_removes_faults(account: Azure) -> None:
    account.control.set("arm", faults=[{"kind": "500", "times": 9}])
    assert keys(account, path()).status == 500
    with pytest.raises(ControlError):
        account.control.set("arm", faults=[{"kind": "nothing"}])
    account.control.reset()
    assert keys(account, path()).status == 200


def test_forbidden_and_throttled_requests(account: Azure) -> None:
    account.control.set("arm", forbidden_for=60.0)
    answer = keys(account, path())
    assert (answer.status, answer.json["error"]["code"]) == (403, "AuthorizationFailed")
    assert "storageAccounts/listKeys/action" in answer.json["error"]["message"]
    account.control.set("arm", forbidden_for=0.0, script=[429], retry_after=7)
    answer = keys(account, path())
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert keys(account, path()).status == 200
