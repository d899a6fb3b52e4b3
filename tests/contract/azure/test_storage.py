"""listKeys with the real SDK against the stand-ins, and where the instance says that it is."""

import threading
from collections.abc import Callable
from dataclasses import replace

import certifi
import pytest

from clawbot_agent.azure import storage
from clawbot_agent.azure.errors import ImdsUnavailableError
from clawbot_agent.azure.metadata import InstanceLocation, instance
from clawbot_agent.azure.storage import Account
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.secret import Secret
from clawbot_agent.host.http import SystemGetJson
from clawbot_agent.host.limit import Limit, SystemClock
from tests.bench.azure import ACCOUNT, CLIENT_ID, RESOURCE_GROUP, SUBSCRIPTION_ID
from tests.contract.azure.conftest import Net
from tests.contract.bench_azure.conftest import Azure

KEYS = ("Zmlyc3Qta2V5LW9mLXRoZS1hY2NvdW50", "c2Vjb25kLWtleQ==")
HOST = "management.azure.com"
HERE = Account(ACCOUNT, "file.core.windows.net", SUBSCRIPTION_ID, RESOURCE_GROUP)
ReadKey = Callable[..., Secret]


def a_limit(seconds: float = 30) -> Limit:
    clock = SystemClock()
    return Limit(clock, clock.monotonic() + seconds, canceled=threading.Event())


@pytest.fixture
def read_key(net: Net, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> ReadKey:
    """Read the key as the agent does."""
    del net
    monkeypatch.setattr(storage, "SYSTEM_CA_BUNDLE", azure.authority)
    azure.control.set("arm", accounts={ACCOUNT: list(KEYS)})

    def reading(account: Account = HERE, *, client_id: str = CLIENT_ID) -> Secret:
        return storage.read_key(account, client_id=client_id, limit=a_limit())

    return reading


def refused(read_key: ReadKey, account: Account = HERE) -> ClawbotError:
    with pytest.raises(ClawbotError) as caught:
        read_key(account)
    assert not any(key in caught.value.message for key in KEYS)
    return caught.value


def test_first_key_with_full_permissions_is_returned(read_key: ReadKey) -> None:
    assert read_key() == Secret(KEYS[0])


def test_missing_role_is_retried(azure: Azure, read_key: ReadKey) -> None:
    """One attempt, and an error that is worth a quarter of an hour."""
    azure.control.set("arm", forbidden_for=60)
    error = refused(read_key)
    assert error.code == "STORAGE_KEYS_FORBIDDEN"
    assert error.retry.within >= 600
    assert "403 AuthorizationFailed" in error.message
    assert "Reader and Data Access" in error.hint
    assert CLIENT_ID in error.hint


@pytest.mark.parametrize(
    "account",
    [replace(HERE, name="nosuchaccount"), replace(HERE, resource_group="other (rg)")],
    ids=["account", "resource group"],
)
def test_absent_account_is_reported(read_key: ReadKey, account: Account) -> None:
    """The message says where it was looked for."""
    error = refused(read_key, account)
    assert error.code == "STORAGE_ACCOUNT_NOT_FOUND"
    assert not error.retryable
    assert f"{account.name} in resource group {account.resource_group}" in error.message


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "ARM_THROTTLED"), (500, "ARM_UNREACHABLE"), (503, "ARM_UNREACHABLE")],
)
def test_transient_answers_are_retryable(
    azure: Azure, read_key: ReadKey, status: int, code: str
) -> None:
    azure.control.set("arm", script=[status] * 8)
    error = refused(read_key)
    assert error.code == code
    assert error.retryable


def test_refused_token_is_reported(azure: Azure, read_key: ReadKey) -> None:
    azure.control.set("imds", revoke=True, token_lifetime=0)
    assert refused(read_key).code == "ARM_UNAUTHORIZED"


def test_no_identity_and_no_metadata_service(azure: Azure, read_key: ReadKey) -> None:
    """These are the metadata service's errors, as for Key Vault."""
    azure.control.set("imds", script=[400])
    assert refused(read_key).code == "IMDS_REFUSED"


def test_dropped_connections_and_absent_servers_are_unreachable(
    azure: Azure, net: Net, read_key: ReadKey
) -> None:
    azure.control.set("arm", down=True)
    assert refused(read_key).code == "ARM_UNREACHABLE"
    net.unknown.add(HOST)
    error = refused(read_key)
    assert error.code == "ARM_UNREACHABLE"
    assert error.message == f"{HOST}: Name or service not known"


def test_untrusted_certificate_is_reported(
    read_key: ReadKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SYSTEM_CA_BUNDLE", certifi.where())
    error = refused(read_key)
    assert error.code == "ARM_TLS"
    assert not error.retryable


def test_instance_location_is_read(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the metadata service, asked as the agent asks it."""
    address, port = azure.addresses["imds"]
    monkeypatch.setattr(
        "clawbot_agent.azure.metadata._INSTANCE_URL",
        f"http://{address}:{port}/metadata/instance/compute?api-version=2021-12-13",
    )
    get_json = SystemGetJson(a_limit())
    assert instance(get_json) == InstanceLocation(SUBSCRIPTION_ID, RESOURCE_GROUP)
    azure.control.set("imds", down=True)
    with pytest.raises(ImdsUnavailableError, match="does not answer"):
        instance(get_json)
