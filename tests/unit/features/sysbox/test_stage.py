from dataclasses import replace
from typing import Any, Final

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.paths import CACHE_DIR, DAEMON_JSON
from clawbot_agent.features.apt.packages import Package
from clawbot_agent.features.sysbox.actions import smoke_record
from clawbot_agent.features.sysbox.daemon import Engine
from clawbot_agent.features.sysbox.errors import SysboxNoPackageError
from clawbot_agent.features.sysbox.stage import SysboxFacts, SysboxStage
from clawbot_agent.host.commands import Completed
from clawbot_agent.host.docker import RunOnce
from clawbot_agent.host.http import Sha256MismatchError
from clawbot_agent.records import proof
from tests.fakes import FakeDocker, FakeDownload, FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = SysboxStage()
CONFIG: Final = a_config()
AS_DEFAULT: Final = a_config(sysbox={"default_runtime": True})
SHA256: Final = "b7ac389e5a19592cadf16e0ca30e40919516128f6e1b7f99e1cb4ff64554172e"
URL: Final = (
    "https://github.com/nestybox/sysbox/releases/download/v0.6.7/sysbox-ce_0.6.7.linux_amd64.deb"
)
DEB: Final = CACHE_DIR / "sysbox-ce_0.6.7_b7ac389e.deb"
ENGINE: Final = Engine("29.1.3", "6.8.0-1073-azure", frozenset({"runc", "sysbox-runc"}), "runc")
ENTRY: Final = '{"runtimes": {"sysbox-runc": {"path": "/usr/bin/sysbox-runc"}}}'
DONE: Final = SysboxFacts(
    package=Package("installed", "0.6.7-0.linux", "amd64"),
    architecture="amd64",
    deb=None,
    running=True,
    enabled=True,
    daemon_json=ENTRY,
    engine=ENGINE,
    record=smoke_record("0.6.7", ENGINE),
)
BARE: Final = SysboxFacts(
    package=None,
    architecture="amd64",
    deb=(DEB, False),
    running=False,
    enabled=False,
    daemon_json=None,
    engine=None,
    record=None,
)
FETCH: Final = f"download {URL}"
INSTALL: Final = "install sysbox-ce 0.6.7"
ENABLE: Final = "enable sysbox.service (not running)"
MERGE: Final = f"merge sysbox-runc into {DAEMON_JSON}, then reload docker"
UNLISTED: Final = f"{MERGE} (the engine does not list it)"
DRIFTED: Final = f"{MERGE} (its entry differs)"
SMOKE: Final = (
    "run a test container with --runtime=sysbox-runc "
    "(not tested with this Sysbox, engine and kernel)"
)
DEFAULT_ON: Final = f"{MERGE} (sysbox.default_runtime is true)"
DEFAULT_OFF: Final = f"{MERGE} (sysbox.default_runtime is false)"


@pytest.mark.parametrize(
    ("found", "config", "summaries"),
    [
        (DONE, CONFIG, ()),
        (BARE, CONFIG, (FETCH, INSTALL, ENABLE, UNLISTED, SMOKE)),
        (BARE, AS_DEFAULT, (FETCH, INSTALL, ENABLE, UNLISTED, SMOKE, DEFAULT_ON)),
        (replace(BARE, deb=(DEB, True)), CONFIG, (INSTALL, ENABLE, UNLISTED, SMOKE)),
        (
            replace(DONE, package=Package("installed", "0.7.1-0.linux", "amd64"), deb=(DEB, False)),
            CONFIG,
            (FETCH, f"{INSTALL}, replacing 0.7.1-0.linux", ENABLE, DRIFTED, SMOKE),
        ),
        (
            replace(DONE, package=Package("half-configured", "0.6.7-0", "amd64"), deb=(DEB, True)),
            CONFIG,
            (INSTALL, ENABLE, DRIFTED, SMOKE),
        ),
        (replace(DONE, running=False), CONFIG, (ENABLE,)),
        (replace(DONE, daemon_json="{}"), CONFIG, (DRIFTED,)),
        (
            replace(DONE, engine=replace(ENGINE, runtimes=frozenset({"runc"}))),
            CONFIG,
            (UNLISTED,),
        ),
        (replace(DONE, record=None), CONFIG, (SMOKE,)),
        (replace(DONE, engine=replace(ENGINE, kernel="6.9")), CONFIG, (SMOKE,)),
        (replace(DONE, engine=replace(ENGINE, version="29.2")), CONFIG, (SMOKE,)),
        (DONE, AS_DEFAULT, (DEFAULT_ON,)),
        (
            replace(DONE, engine=replace(ENGINE, default_runtime="sysbox-runc")),
            CONFIG,
            (DEFAULT_OFF,),
        ),
        (
            replace(DONE, engine=replace(ENGINE, default_runtime="sysbox-runc")),
            AS_DEFAULT,
            (DEFAULT_ON,),
        ),
        (
            replace(BARE, architecture="riscv64", deb=None),
            CONFIG,
            (
                "install sysbox-ce 0.6.7 (no package known for riscv64)",
                *(ENABLE, UNLISTED, SMOKE),
            ),
        ),
    ],
    ids=[
        "converged",
        "bare machine",
        "bare machine, default only after the test",
        "already downloaded",
        "different version",
        "half-configured",
        "stopped",
        "entry missing",
        "entry not read by the engine",
        "never tested",
        "different kernel",
        "different engine",
        "to become the default",
        "no longer to be the default",
        "default only until the next restart",
        "no package for this architecture",
    ],
)
def test_plan(found: SysboxFacts, config: BotConfig, summaries: tuple[str, ...]) -> None:
    assert tuple(a.summary for a in STAGE.plan(found, config).actions) == summaries


def test_reason_of_an_empty_plan_shows_the_version() -> None:
    assert STAGE.plan(DONE, CONFIG).reason == "sysbox-ce 0.6.7-0.linux installed and tested"


def test_stage_is_skipped_when_disabled_and_required_when_configured() -> None:
    off = a_config(sysbox={"enabled": False})
    assert STAGE.skip_reason(off) == "sysbox.enabled is false"
    assert STAGE.skip_reason(CONFIG) is None
    assert not STAGE.required(CONFIG)
    assert STAGE.required(a_config(sysbox={"required": True}))


class Machine:
    """A simulated machine on which the package can be fetched and installed."""

    def __init__(self, **engine: Any) -> None:  # noqa: ANN401 - fields of docker info
        self.run, self.files = FakeRun(), FakeFiles()
        self.docker = FakeDocker(engine={"ServerVersion": "29.1.3", "KernelVersion": "6.8"})
        self.docker.engine |= {"Runtimes": {"runc": {}}, "DefaultRuntime": "runc"} | engine
        self.download = FakeDownload(self.files, {URL: (SHA256, "a package")})
        self.state = ""
        self.run.unit("docker.service")
        self.run.effect(
            "dpkg-query",
            act=lambda call: Completed(
                call.argv, 0, f"dpkg\tinstalled\t1\tamd64\n{self.state}", ""
            ),
        )
        self.run.answer("dpkg-deb", stdout="Package: sysbox-ce\nVersion: 0.6.7-0.linux\n")
        self.run.answer("sha256sum", stdout=f"{SHA256}  x\n")
        self.run.answer("tar")
        self.run.effect("apt-get", "install", act=lambda _call: self.install())
        self.run.effect("systemctl", "reload", act=lambda _call: self.reload())
        self.host = fake_host(
            run=self.run, files=self.files, docker=self.docker, download=self.download
        )

    def install(self) -> None:
        """Do what the package's installation does."""
        self.state = "sysbox-ce\tinstalled\t0.6.7-0.linux\tamd64\n"
        self.run.unit("sysbox.service")

    def reload(self) -> None:
        """Have the engine read daemon.json."""
        text = self.files.read_text(DAEMON_JSON) or "{}"
        if "sysbox-runc" in text:
            self.docker.engine["Runtimes"] = {"runc": {}, "sysbox-runc": {}}

    def apply(self, config: BotConfig = CONFIG) -> None:
        """Apply all actions of the plan."""
        for action in STAGE.look(self.host, config).actions:
            action.apply(self.host)


def test_bare_machine_converges_in_one_pass() -> None:
    machine = Machine()
    machine.files.put(DAEMON_JSON, '{"bip": "172.20.0.1/16"}')
    machine.files.put(CACHE_DIR / ".sysbox-ce_0.6.7_b7ac389e.deb.x1", "left by a killed download")
    machine.docker.once = [RunOnce(0, "")]
    machine.apply()
    assert STAGE.look(machine.host, CONFIG).empty
    assert machine.files.list(CACHE_DIR) == (proof.SMOKE.path.name,)
    assert machine.docker.configs[""]["HostConfig"]["Runtime"] == "sysbox-runc"
    assert '    "bip": "172.20.0.1/16"' in (machine.files.read_text(DAEMON_JSON) or "")


def test_download_with_a_wrong_hash_is_not_installed() -> None:
    machine = Machine()
    machine.download.published[URL] = ("0" * 64, "another package")
    with pytest.raises(Sha256MismatchError):
        machine.apply()
    assert machine.files.list(CACHE_DIR) == ()
    assert not any("install" in argv for argv in machine.run.argvs)


def test_different_package_in_the_file_is_not_installed() -> None:
    machine = Machine()
    machine.run = FakeRun()
    machine.run.answer("dpkg-query", stdout="dpkg\tinstalled\t1\tamd64\n")
    machine.run.answer("dpkg-deb", stdout="Package: sysbox-ce\nVersion: 0.5.0-0.linux\n")
    machine.host = fake_host(
        run=machine.run, files=machine.files, docker=machine.docker, download=machine.download
    )
    with pytest.raises(SysboxNoPackageError, match=r"is sysbox-ce 0\.5\.0-0\.linux, not sysbox-ce"):
        machine.apply()
