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
from clawbot_agent.features.secrets.rules import GatewayTokenWeakError, OpenClawFragmentInvalidError
from clawbot_agent.features.secrets.stage import FRAGMENT_FILE, TOKEN_FILE, SecretsStage
from clawbot_agent.host.limit import Limit
from tests.fakes import FakeClock, FakeFiles, a_config, fake_host

TOKEN = "b7a1c9d2e4f60813572946aebdcf0123"  # noqa: S105 - a test's
NEW_TOKEN = TOKEN[::-1]
FRAGMENT = '{"channels": {"telegram": {"botToken": "123456:canary-in-a-fragment"}}}'
CONFIG = a_config()
WITH_FRAGMENT = a_config(secrets={"openclaw_config": "my-fragment"})


@dataclass
class FakeVault:
    """Answers with values, or raises the errors first, in turn."""

    values: dict[str, str] = field(
        default_factory=lambda: {"openclaw-gateway-token": f"{TOKEN}\n", "my-fragment": FRAGMENT}
    )
    errors: list[ClawbotError] = field(default_factory=list)
    down: ClawbotError | None = None
    asked: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    def __call__(
        self, vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
    ) -> dict[str, Secret]:
        """See `ReadSecrets`."""
        names = tuple(names)
        limit.check()
        self.asked.append((vault_url, names, client_id))
        if self.errors:
            raise self.errors.pop(0)
        if self.down:
            raise self.down
        return {name: Secret(self.values[name]) for name in names}


@dataclass
class Bench:
    """The stage on a machine of fakes, with a vault."""

    vault: FakeVault = field(default_factory=FakeVault)
    files: FakeFiles = field(default_factory=FakeFiles)
    notes: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Join the parts."""
        self.files.clock = self.clock
        self.host = fake_host(files=self.files, clock=self.clock, note=self.notes.append)
        self.stage = SecretsStage(self.vault)

    def look(self, config: BotConfig = CONFIG) -> Plan:
        """Probe and plan."""
        return self.stage.look(self.host, config)

    def run(self, config: BotConfig = CONFIG) -> list[str]:
        """Apply a plan; afterwards nothing is left to do."""
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


def test_a_bare_instance_gets_directories_and_files(bench: Bench) -> None:
    """Directories first; the token without its newline."""
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


def test_key_vault_is_asked_as_configured(bench: Bench) -> None:
    """Only for what the configuration names."""
    bench.look()
    url = "https://my-vault.vault.azure.net"
    assert bench.vault.asked == [(url, ("openclaw-gateway-token",), CONFIG.identity.client_id)]


def test_nothing_to_do_has_a_reason(bench: Bench) -> None:
    """And nothing is written."""
    bench.run()
    bench.files.writes.clear()
    assert bench.look() == Plan("the gateway token as in the vault my-vault")
    assert bench.look(WITH_FRAGMENT).actions
    bench.run(WITH_FRAGMENT)
    assert bench.look(WITH_FRAGMENT).reason == "2 secrets as in the vault my-vault"


def test_a_new_value_is_written_and_only_that(bench: Bench) -> None:
    """The other file keeps its time: the container stage goes by it."""
    bench.run(WITH_FRAGMENT)
    bench.vault.values["openclaw-gateway-token"] = NEW_TOKEN
    assert bench.run(WITH_FRAGMENT) == [f"write {TOKEN_FILE} (other content)"]


def test_a_fragment_that_is_no_longer_configured_goes(bench: Bench) -> None:
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


def test_other_things_in_the_way_are_replaced(bench: Bench) -> None:
    bench.files.put(GATEWAY_SECRETS_DIR, kind="file")
    bench.files.put(FRAGMENT_FILE, kind="directory")
    done = bench.run(WITH_FRAGMENT)
    assert f"remove {GATEWAY_SECRETS_DIR} (it is a file, not a directory)" in done
    assert f"remove {FRAGMENT_FILE} (it is a directory, not a file)" in done


def test_what_a_killed_write_left_is_removed(bench: Bench) -> None:
    """It holds a secret, and nobody would ever look at it again."""
    bench.run()
    left = GATEWAY_SECRETS_DIR / ".token.x1y2z3"
    bench.files.put(left, TOKEN)
    assert bench.run() == [f"remove {left} (left by a write that was cut off)"]


def test_no_secret_in_summaries_reasons_or_repr(bench: Bench) -> None:
    plan = bench.look(WITH_FRAGMENT)
    shown = repr(plan) + repr(bench.stage.probe(bench.host, WITH_FRAGMENT))
    assert TOKEN not in shown
    assert "canary" not in shown


def test_every_value_is_known_to_the_redactor(bench: Bench) -> None:
    """Fetched ones, those inside a fragment, and those found on disk."""
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
    """What was there stays."""
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
def test_a_first_boot_in_an_outage_is_the_engines_to_retry(
    bench: Bench, outage: ClawbotError
) -> None:
    """At once, without waits of its own."""
    bench.vault.down = outage
    with pytest.raises(type(outage)):
        bench.look()
    assert bench.clock.waits == []


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_reboot_in_an_outage_keeps_the_secrets(bench: Bench, outage: ClawbotError) -> None:
    """After half a minute of the engine's retries, saying since when and what is wrong."""
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


def test_after_a_short_outage_a_rotated_token_is_taken(bench: Bench) -> None:
    """And not the old one kept."""
    bench.run()
    bench.vault.values["openclaw-gateway-token"] = NEW_TOKEN
    bench.vault.errors = [OUTAGES[0]]
    with pytest.raises(type(OUTAGES[0])):
        bench.look()
    plan = bench.look()
    assert [action.summary for action in plan.actions] == [f"write {TOKEN_FILE} (other content)"]


def test_modes_are_repaired_in_an_outage(bench: Bench) -> None:
    """With the content that is there."""
    bench.run()
    bench.files.change(TOKEN_FILE, mode=0o644, uid=1000)
    bench.vault.down = OUTAGES[0]
    with pytest.raises(type(OUTAGES[0])):
        bench.look()
    bench.clock.advance(31)
    assert bench.run() == [f"write {TOKEN_FILE} (mode is 0644)"]
    assert bench.files.read_text(TOKEN_FILE) == TOKEN


def test_files_that_do_not_suffice_are_not_kept(bench: Bench) -> None:
    """A fragment that is newly configured cannot come from the disk."""
    bench.run(CONFIG)
    bench.vault.down = OUTAGES[1]
    with pytest.raises(KeyVaultUnreachableError):
        bench.look(WITH_FRAGMENT)


def test_a_role_that_was_taken_away_is_an_error_and_soon(bench: Bench) -> None:
    """The files stay; no quarter of an hour is spent on a role that is not on its way."""
    bench.run()
    bench.files.writes.clear()
    bench.vault.down = KeyVaultForbiddenError("403", hint="assign the role")
    with pytest.raises(KeyVaultAccessLostError) as caught:
        bench.look()
    assert caught.value.code == "KEYVAULT_FORBIDDEN"
    assert caught.value.hint == "assign the role"
    assert caught.value.retry.within < 60
    assert bench.files.writes == []


def test_a_role_that_is_not_there_yet_is_worth_waiting(bench: Bench) -> None:
    bench.vault.down = KeyVaultForbiddenError("403")
    with pytest.raises(KeyVaultForbiddenError) as caught:
        bench.look()
    assert caught.value.retry.within >= 600


def test_a_secret_that_was_deleted_is_an_error(bench: Bench) -> None:
    """Key Vault decides when it answers."""
    bench.run()
    bench.vault.down = KeyVaultSecretNotFoundError("gone")
    with pytest.raises(KeyVaultSecretNotFoundError):
        bench.look()


def test_an_interrupt_ends_the_waiting(bench: Bench) -> None:
    bench.run()
    bench.vault.down = OUTAGES[0]
    bench.host.limit.cancelled.set()
    with pytest.raises(InterruptedRunError):
        bench.look()
