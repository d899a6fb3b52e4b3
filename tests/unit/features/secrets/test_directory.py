"""The stage `secrets` with `secrets.source: directory`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.secrets.stage import FRAGMENT_FILE, TOKEN_FILE, SecretsStage
from clawbot_agent.features.secrets.values import GatewayTokenWeakError
from clawbot_agent.host.limit import Limit
from tests.fakes import FakeFiles, fake_host

TOKEN = "b7a1c9d2e4f60813572946aebdcf0123"  # noqa: S105 - a test's
FRAGMENT = '{"env": {"vars": {"KEY": "canary-in-a-fragment"}}}'
FOLDER = Path("/etc/clawbot/secrets")
TOKEN_SOURCE = FOLDER / "openclaw-gateway-token"
SECRETS = {"source": "directory", "openclaw_config": "my-fragment"}


def without_azure(**secrets: str) -> BotConfig:
    document = {"name": "my-bot", "secrets": {**SECRETS, **secrets}}
    return BotConfig.model_validate(document)


CONFIG = without_azure()


def refuse_key_vault(
    vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
) -> NoReturn:
    del vault_url, names, client_id, limit
    msg = "Key Vault was read"
    raise AssertionError(msg)


@dataclass
class Bench:
    """The stage on a simulated machine with both secrets in their directory."""

    files: FakeFiles = field(default_factory=FakeFiles)

    def __post_init__(self) -> None:
        """Put the files and create the stage."""
        self.files.put(FOLDER, kind="directory", mode=0o700)
        self.files.put(TOKEN_SOURCE, f"{TOKEN}\n", mode=0o600)
        self.files.put(FOLDER / "my-fragment", FRAGMENT, mode=0o400)
        self.host = fake_host(files=self.files)
        self.stage = SecretsStage(refuse_key_vault)

    def look(self, config: BotConfig = CONFIG) -> Plan:
        """Probe and plan."""
        return self.stage.look(self.host, config)

    def refusal(self) -> ClawbotError:
        """Return the stage's error; nothing may have been written."""
        self.files.writes.clear()
        with pytest.raises(ClawbotError) as caught:
            self.look()
        assert self.files.writes == []
        return caught.value


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_files_become_the_gateways_secrets(bench: Bench) -> None:
    """They are validated like values from Key Vault, which is not read."""
    for action in bench.look().actions:
        action.apply(bench.host)
    assert bench.files.read_text(TOKEN_FILE) == TOKEN
    assert bench.files.read_text(FRAGMENT_FILE) == FRAGMENT
    assert bench.look() == Plan("2 secrets match /etc/clawbot/secrets")


def test_directory_is_configurable(bench: Bench) -> None:
    elsewhere = Path("/root/secrets")
    bench.files.put(elsewhere / TOKEN_SOURCE.name, TOKEN[::-1], mode=0o600)
    bench.files.put(elsewhere / "my-fragment", FRAGMENT, mode=0o600)
    for action in bench.look(without_azure(path=str(elsewhere))).actions:
        action.apply(bench.host)
    assert bench.files.read_text(TOKEN_FILE) == TOKEN[::-1]


def test_values_are_known_to_the_redactor_and_not_shown(bench: Bench) -> None:
    shown = repr(bench.look()) + repr(bench.stage.probe(bench.host, CONFIG))
    for value in (TOKEN, "canary-in-a-fragment"):
        assert value not in shown
        assert value not in bench.host.redactor.scrub(f"it says {value}!")


@pytest.mark.parametrize(
    ("mode", "uid", "problem"),
    [
        (0o644, 0, "owner is 0, mode is 0644"),
        (0o640, 0, "owner is 0, mode is 0640"),
        (0o602, 0, "owner is 0, mode is 0602"),
        (0o600, 1000, "owner is 1000, mode is 0600"),
    ],
)
def test_file_accessible_to_other_users_is_refused(
    bench: Bench, mode: int, uid: int, problem: str
) -> None:
    """It is not repaired, because its value may be known."""
    bench.files.change(TOKEN_SOURCE, mode=mode, uid=uid)
    error = bench.refusal()
    assert error.code == "SECRETS_FILE_EXPOSED"
    assert error.message == f"{TOKEN_SOURCE}: {problem}"
    assert not error.retryable


@pytest.mark.parametrize(("mode", "uid"), [(0o777, 0), (0o720, 0), (0o700, 1000)])
def test_directory_writable_by_other_users_is_refused(bench: Bench, mode: int, uid: int) -> None:
    bench.files.change(FOLDER, mode=mode, uid=uid)
    assert bench.refusal().code == "SECRETS_FILE_EXPOSED"


@pytest.mark.parametrize("kind", ["link", "directory", "other"])
def test_only_regular_files_are_read(
    bench: Bench, kind: Literal["link", "directory", "other"]
) -> None:
    bench.files.put(TOKEN_SOURCE, TOKEN, kind=kind, mode=0o600)
    error = bench.refusal()
    assert error.code == "SECRETS_FILE_EXPOSED"
    assert kind in error.message


def test_missing_file_is_retried_for_less_than_a_minute(bench: Bench) -> None:
    """On a local machine it is written after the first boot has begun."""
    bench.files.remove(TOKEN_SOURCE)
    error = bench.refusal()
    assert error.code == "SECRETS_FILE_MISSING"
    assert str(TOKEN_SOURCE) in error.message
    assert 0 < error.retry.within <= 60


def test_missing_directory_is_reported_as_a_missing_file(bench: Bench) -> None:
    bench.files.remove(FOLDER)
    assert bench.refusal().code == "SECRETS_FILE_MISSING"


@pytest.mark.parametrize("text", ["", " \n", "x" * (25 * 1024 + 1)])
def test_file_without_a_usable_value_is_refused(bench: Bench, text: str) -> None:
    bench.files.put(TOKEN_SOURCE, text, mode=0o600)
    assert bench.refusal().code == "SECRETS_FILE_EMPTY"


def test_weak_token_is_refused_like_one_from_key_vault(bench: Bench) -> None:
    bench.files.put(TOKEN_SOURCE, "short", mode=0o600)
    assert bench.refusal().code == GatewayTokenWeakError.code
