"""The stage share on a simulated machine with an Azure Files server."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from clawbot_agent.azure.storage import Account
from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.share.credentials import KeySources
from clawbot_agent.features.share.stage import ShareStage
from clawbot_agent.host import Host
from clawbot_agent.host.commands import CommandTimeoutError, Completed
from clawbot_agent.host.http import Answer
from clawbot_agent.host.limit import Limit
from tests.fakes import (
    Call,
    FakeClock,
    FakeFiles,
    FakeGetJson,
    FakeReach,
    FakeRun,
    a_config,
    fake_host,
)

KEY: Final = "a2V5LW9mLXRoZS1hY2NvdW50LWJvdHNoYXJlcw=="
UNIT: Final = "srv-clawbot-share.mount"
HOST: Final = "botshares.file.core.windows.net"
COMPUTE: Final = "http://169.254.169.254/metadata/instance/compute?api-version=2021-12-13"
SHARE: Final = Path("/srv/clawbot/share")
TABLE: Final = Path("/proc/self/mountinfo")
ROOT_LINE: Final = "26 1 8:1 / / rw - ext4 /dev/root rw\n"


def azure_config(**share: Any) -> BotConfig:  # noqa: ANN401 - values as in the YAML file
    """Return a bot with an Azure Files share whose key is in Key Vault."""
    base = {
        "kind": "azure-files",
        "account": "botshares",
        "name": "bot",
        "key_secret": "storage-key",
    }
    return a_config(share={**base, **share})


class HungFiles(FakeFiles):
    """Files on which a stat of the share raises `trouble`, `times` times."""

    trouble: Exception | None = None
    times: int = 1000

    def stat(self, path: Path) -> Any:  # noqa: ANN401 - as in FakeFiles
        """See `Files`."""
        if path == SHARE and self.trouble is not None and self.times > 0:
            self.times -= 1
            raise self.trouble
        return super().stat(path)


@dataclass
class Machine:
    """The stage, its simulated machine, and the answers of Azure.

    Attributes:
        key: the answer of Key Vault and Azure Resource Manager.
        trouble: raised by both instead.
        reads: the sources from which the key was read.
        mounts: number of successful mounts.
        output: of a failing mount; None for success.
        timeout: mounting takes too long.
    """

    key: str = KEY
    trouble: ClawbotError | None = None
    reads: list[str] = field(default_factory=list)
    mounts: int = 0
    output: str | None = None
    timeout: bool = False
    run: FakeRun = field(default_factory=FakeRun)
    files: HungFiles = field(default_factory=HungFiles)
    clock: FakeClock = field(default_factory=FakeClock)
    reach: FakeReach = field(default_factory=FakeReach)
    get_json: FakeGetJson = field(default_factory=FakeGetJson)
    host: Host = field(init=False)

    def __post_init__(self) -> None:
        """Create host and stage."""
        self.files.clock = self.clock
        self.files.put(TABLE, ROOT_LINE)
        self.files.put("/proc/filesystems", "nodev\tcifs\n")
        self.get_json.answers[COMPUTE] = [
            Answer(200, {"subscriptionId": "sub", "resourceGroupName": "bot-rg"})
        ]
        for verb in ("start", "restart"):
            self.run.effect("systemctl", verb, UNIT, act=self._mount)
        self.run.answer(
            "systemctl", "show", UNIT, "--property=InvocationID", stdout="InvocationID=abc\n"
        )
        self.run.answer("journalctl", "--sync")
        self.run.effect("journalctl", "_SYSTEMD_INVOCATION_ID=abc", act=self._journal)
        self.host = fake_host(
            run=self.run,
            files=self.files,
            clock=self.clock,
            reach=self.reach,
            get_json=self.get_json,
        )
        self.stage = ShareStage(KeySources(self._secrets, self._arm))

    def mounted(self, source: str = f"//{HOST}/bot", *, kind: str = "cifs") -> None:
        """Mount something at the share's path."""
        self.mounts += 1
        line = f"{40 + self.mounts} 26 0:45 / {SHARE} rw,nosuid - {kind} {source} rw,vers=3.1.1\n"
        self.files.put(TABLE, ROOT_LINE + line)
        self.files.put(SHARE, kind="directory")

    def look(self, config: BotConfig) -> Plan:
        """Probe and plan."""
        return self.stage.look(self.host, config)

    def apply(self, config: BotConfig) -> list[str]:
        """Apply a plan and return its summaries; the next plan must be empty."""
        plan = self.look(config)
        for action in plan.actions:
            action.apply(self.host)
        after = self.look(config)
        assert after.empty, after.actions
        return [action.summary for action in plan.actions]

    def _mount(self, call: Call) -> Completed | None:
        if self.timeout:
            msg = "systemctl: stopped after its timeout"
            raise CommandTimeoutError(msg)
        if self.output is not None:
            return Completed(call.argv, 1, "", "Job failed.")
        unit = self.files.read_text(Path("/run/systemd/system") / UNIT) or ""
        self.files.trouble = None
        self.mounted(unit.partition("What=")[2].partition("\n")[0])
        return None

    def _journal(self, call: Call) -> Completed:
        return Completed(call.argv, 0, self.output or "", "")

    def _secrets(
        self, vault_url: str, names: Iterable[str], *, client_id: str, limit: Limit
    ) -> dict[str, Secret]:
        del vault_url, client_id, limit
        (name,) = names
        return {name: self._answer(f"secret {name}")}

    def _arm(self, account: Account, *, client_id: str, limit: Limit) -> Secret:
        del client_id, limit
        return self._answer(account.resource_id)

    def _answer(self, source: str) -> Secret:
        self.reads.append(source)
        if self.trouble is not None:
            raise self.trouble
        return Secret(self.key)


@pytest.fixture
def machine() -> Machine:
    """Return a machine on which nothing is mounted."""
    return Machine()
