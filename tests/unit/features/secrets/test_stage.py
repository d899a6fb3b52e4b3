from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clawbot_agent.azure.errors import (
    ImdsUnavailableError,
    KeyVaultAccessLostError,
    KeyVaultForbiddenError,
    KeyVaultSecretNotFoundError,
    KeyVaultThrottledError,
    KeyVaultUnreachableError,
)
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError, InterruptedRunError
from clawbot_agent.core.paths import GATEWAY_SECRETS_DIR, SECRETS_DIR
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.secrets.stage import FRAGMENT_FILE, TOKEN_FILE, SecretsStage
from clawbot_agent.features.secrets.values import (
    GatewayTokenWeakError,
    OpenClawFragmentInvalidError,
)
from clawbot_agent.host.limit import Limit
from tests.fakes import FakeClock, FakeFiles, a_config, fake_host

TOKEN = "b7a1c9d2e4f60813572946aebdcf0123"  # noqa: S105 - a test's
NEW_TOKEN = TOKEN[::-1]
FRAGMENT = '{"channels": {"telegram": {"botToken": "123456:canary-in-a-fragment"}}}'
CONFIG = a_config()
WITH_FRAGMENT = a_config(secrets={"openclaw_config": "my-fragment"})


@dataclass
class FakeVault:
    """A vault with `values`; raises `errors` first, one per call, or always `down`."""

    values: dict[str, str] = field(
        default_factory=lambda: {"openclaw-gateway-token": f"{TOKEN}\n", "my-fragment": FRAGMENT}
    )
    errors: list[ClawbotError] = field(default_factory=list)
    down: ClawbotError | None = None
    requests: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    def __call__(
        self, vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
    ) -> dict[str, Secret]:
        """See `ReadSecrets`."""
        names = tuple(names)
        limit.check()
        self.requests.append((vault_url, names, client_id))
        if self.errors:
            raise self.errors.pop(0)
        if self.down:
            raise self.down
        return {name: Secret(self.values[name]) for name in names}


@dataclass
class Bench:
    """The stage on a simulated machine, with a vault."""

    vault: FakeVault = field(default_factory=FakeVault)
    files: FakeFiles = field(default_factory=FakeFiles)
    notes: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Create host and stage."""
        self.files.clock = self.clock
        self.host = fake_host(files=self.files, clock=self.clock, note=self.notes.append)
        self.stage = SecretsStage(self.vault)

    def look(self, config: BotConfig = CONFIG) -> Plan:
        """Probe and plan."""
        return self.stage.look(self.host, config)

    def run(self, config: BotConfig = CONFIG) -> list[str]:
        """Apply a plan and return its summaries; the next plan must be empty."""
        plan = self.look(config)
        for action in plan.actions:
            action.apply(self.host)
        after = self.look(config)
        assert after.empty, after.actions
        return [action.summary for action in plan.actions]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def mode(bench: Bench, path: Path) -> tuple[int, int, int]:
    found = bench.files.stat(path)
    assert found is not None
    return found.mode, found.uid, found.gid


def test_bare_instance_gets_directories_and_files(bench: Bench) -> None:
    """Directories come first; the token loses its newline."""
    assert bench.run(WITH_FRAGMENT) == [
        f"make directory {SECRETS_DIR}, mode 0700, owner 0 (missing)",
        f"make directory {GATEWAY_SECRETS_DIR}, mode 0500, owner 1000 (missing)",
        f"write {TOKEN_FILE} (missing)",
        f"write {FRAGMENT_FILE} (missing)",
    ]
    assert bench.files.read_text(TOKEN_FILE) == TOKEN
    assert bench.files.read_text(FRAGMENT_FILE) == FRAGMENT
    assert mode(bench, SECRETS_DIR) == (0o700, 0, 0)
    assert mode(bench, GATEWAY_SECRETS_DIR) == (0o500, 1000, 1000)
    assert mode(bench, TOKEN_FILE) == (0o400, 1000, 1000)
    assert mode(bench, FRAGMENT_FILE) == (0o600, 0, 0)


def test_key_vault_is_read_as_configured(bench: Bench) -> None:
    """Only the secrets that the configuration names are read."""
    bench.look()
    url = "https://my-vault.vault.azure.net"
    assert bench.vault.requests == [(url, ("openclaw-gateway-token",), CONFIG.identity.client_id)]


def test_empty_plan_has_a_reason(bench: Bench) -> None:
    """Nothing is written."""
    bench.run()
    bench.files.writes.clear()
    assert bench.look() == Plan("the gateway token matches the vault my-vault")
    assert bench.look(WITH_FRAGMENT).actions
    bench.run(WITH_FRAGMENT)
    assert bench.look(WITH_FRAGMENT).reason == "2 secrets match the vault my-vault"


def test_only_a_changed_value_is_written(bench: Bench) -> None:
    """The other file keeps its modification time, which the stage gateway compares."""
    bench.run(WITH_FRAGMENT)
    bench.vault.values["openclaw-gateway-token"] = NEW_TOKEN
    assert bench.run(WITH_FRAGMENT) == [f"write {TOKEN_FILE} (other content)"]


def test_fragment_is_removed_when_no_longer_configured(bench: Bench) -> None:
    bench.run(WITH_FRAGMENT)
    assert bench.run(CONFIG) == [f"remove {FRAGMENT_FILE} (not configured)"]


@pytest.mark.parametrize(
    ("path", "bits", "uid", "why"),
    [
        (SECRETS_DIR, 0o755, 0, "mode is 0755"),
        (GATEWAY_SECRETS_DIR, 0o500, 0, "owner is 0:0"),
        (TOKEN_FILE, 0o444, 1000, "mode is 0444"),
        (TOKEN_FILE, 0o400, 0, "owner is 0:0"),
    ],
)
def test_wrong_mode_and_owner_are_repaired(
    bench: Bench, path: Path, bits: int, uid: int, why: str
) -> None:
    bench.run()
    bench.files.change(path, mode=bits, uid=uid)
    (done,) = bench.run()
    assert why in done


def test_other_kinds_of_files_at_the_paths_are_replaced(bench: Bench) -> None:
    bench.files.put(GATEWAY_SECRETS_DIR, kind="file")
    bench.files.put(FRAGMENT_FILE, kind="directory")
    done = bench.run(WITH_FRAGMENT)
    assert f"remove {GATEWAY_SECRETS_DIR} (it is a file, not a directory)" in done
    assert f"remove {FRAGMENT_FILE} (it is a directory, not a file)" in done


def test_leftover_of_a_killed_write_is_removed(bench: Bench) -> None:
    """It contains a secret, and no later write would remove it."""
    bench.run()
    left = GATEWAY_SECRETS_DIR / ".token.x1y2z3"
    bench.files.put(left, TOKEN)
    assert bench.run() == [f"remove {left} (left by an interrupted write)"]


def test_no_secret_in_summaries_reasons_or_repr(bench: Bench) -> None:
    plan = bench.look(WITH_FRAGMENT)
    shown = repr(plan) + repr(bench.stage.probe(bench.host, WITH_FRAGMENT))
    assert TOKEN not in shown
    assert "canary" not in shown


def test_every_value_is_known_to_the_redactor(bench: Bench) -> None:
    """Fetched values, values inside a fragment, and values found on disk."""
    old = NEW_TOKEN
    bench.files.put(TOKEN_FILE, old)
    bench.look(WITH_FRAGMENT)
    for value in (TOKEN, old, "123456:canary-in-a-fragment"):
        assert value not in bench.host.redactor.scrub(f"it says {value}!")


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("openclaw-gateway-token", "short", GatewayTokenWeakError),
        ("my-fragment", "[]", OpenClawFragmentInvalidError),
    ],
)
def test_unusable_values_change_nothing(
    bench: Bench, name: str, value: str, kind: type[ClawbotError]
) -> None:
    """The files are kept."""
    bench.run(WITH_FRAGMENT)
    bench.files.writes.clear()
    bench.vault.values[name] = value
    with pytest.raises(kind):
        bench.look(WITH_FRAGMENT)
    assert bench.files.writes == []


OUTAGES = [
    ImdsUnavailableError("it answered 500"),
    KeyVaultUnreachableError("Name or service not known"),
    KeyVaultThrottledError("it answered 429"),
]


@pytest.mark.parametrize("outage", OUTAGES)
def test_first_boot_in_an_outage_fails_at_once_for_the_engine_to_retry(
    bench: Bench, outage: ClawbotError
) -> None:
    """The stage itself does not wait."""
    bench.vault.down = outage
    with pytest.raises(type(outage)):
        bench.look()
    assert bench.clock.waits == []


@pytest.mark.parametrize("outage", OUTAGES)
def test_secrets_are_kept_when_a_reboot_meets_an_outage(bench: Bench, outage: ClawbotError) -> None:
    """After 30 s of retries by the engine; the reason states the date and the error."""
    bench.run(WITH_FRAGMENT)
    bench.vault.down = outage
    with pytest.raises(type(outage)):
        bench.look(WITH_FRAGMENT)
    bench.clock.advance(29)
    with pytest.raises(type(outage)):
        bench.look(WITH_FRAGMENT)
    bench.clock.advance(2)
    plan = bench.look(WITH_FRAGMENT)
    assert plan.empty
    assert plan.reason == f"kept the secrets of 2026-01-01: {outage.code}: {outage.message}"
    assert bench.clock.waits == []


def test_rotated_token_is_written_after_a_short_outage(bench: Bench) -> None:
    """The old one is not kept."""
    bench.run()
    bench.vault.values["openclaw-gateway-token"] = NEW_TOKEN
    bench.vault.errors = [OUTAGES[0]]
    with pytest.raises(type(OUTAGES[0])):
        bench.look()
    plan = bench.look()
    assert [action.summary for action in plan.actions] == [f"write {TOKEN_FILE} (other content)"]


def test_modes_are_repaired_in_an_outage(bench: Bench) -> None:
    """The content is kept."""
    bench.run()
    bench.files.change(TOKEN_FILE, mode=0o644, uid=1000)
    bench.vault.down = OUTAGES[0]
    with pytest.raises(type(OUTAGES[0])):
        bench.look()
    bench.clock.advance(31)
    assert bench.run() == [f"write {TOKEN_FILE} (mode is 0644)"]
    assert bench.files.read_text(TOKEN_FILE) == TOKEN


def test_incomplete_files_are_not_kept_in_an_outage(bench: Bench) -> None:
    """A newly configured fragment is not on the disk."""
    bench.run(CONFIG)
    bench.vault.down = OUTAGES[1]
    with pytest.raises(KeyVaultUnreachableError):
        bench.look(WITH_FRAGMENT)


def test_removed_role_is_an_error_without_a_long_wait(bench: Bench) -> None:
    """The files are kept; the wait of 15 min is for new role assignments only."""
    bench.run()
    bench.files.writes.clear()
    bench.vault.down = KeyVaultForbiddenError("403", hint="assign the role")
    with pytest.raises(KeyVaultAccessLostError) as caught:
        bench.look()
    assert caught.value.code == "KEYVAULT_FORBIDDEN"
    assert caught.value.hint == "assign the role"
    assert caught.value.retry.within < 60
    assert bench.files.writes == []


def test_missing_role_is_retried_for_minutes_without_files(bench: Bench) -> None:
    bench.vault.down = KeyVaultForbiddenError("403")
    with pytest.raises(KeyVaultForbiddenError) as caught:
        bench.look()
    assert caught.value.retry.within >= 600


def test_deleted_secret_is_an_error(bench: Bench) -> None:
    """Key Vault is authoritative when it answers."""
    bench.run()
    bench.vault.down = KeyVaultSecretNotFoundError("gone")
    with pytest.raises(KeyVaultSecretNotFoundError):
        bench.look()


def test_interrupt_ends_the_probe(bench: Bench) -> None:
    bench.run()
    bench.vault.down = OUTAGES[0]
    bench.host.limit.canceled.set()
    with pytest.raises(InterruptedRunError):
        bench.look()
