from pathlib import Path
from typing import Final

import pytest

from clawbot_agent.config.model import BotConfig
from clawbot_agent.features.apt.errors import AptLockHeldError, DpkgFailedError
from clawbot_agent.features.apt.packages import Package, Packages
from clawbot_agent.features.apt.stage import AptFacts, AptStage, FinishInterrupted, InstallPackages
from tests.fakes import Call, FakeFiles, FakeRun, a_config, fake_host

STAGE: Final = AptStage()
CONFIG: Final = a_config()
WITHOUT_SYSBOX: Final = a_config(sysbox={"enabled": False})
NAMES: Final = (
    *("busybox-static", "ca-certificates", "caddy", "cifs-utils", "curl", "docker.io"),
    *("e2fsprogs", "iproute2", "iptables", "jq", "keyutils", "kmod"),
    *("fuse3", "lsb-release", "rsync"),
)
POLICY: Final = Path("/usr/sbin/policy-rc.d")
STOPPED: Final = Path("/run/clawbot/held-timers")
OURS: Final = (
    "#!/bin/sh\n# clawbot-agent: no service starts while packages are installed\n"
    '[ -z "${CLAWBOT_HOLD_SERVICES:-}" ] || exit 101\n'
)
UPDATE: Final = "update the package lists"


def facts(
    *without: str,
    interrupted: bool = False,
    policy_left: bool = False,
    timers_left: tuple[str, ...] = (),
    **states: str,
) -> AptFacts:
    """Everything installed except `without`; other packages (dashes as _) in the given states."""
    known = {name: Package("installed", "1.2", "amd64") for name in NAMES if name not in without}
    for name, state in states.items():
        known[name.replace("_", "-")] = Package(state, "1.2", "amd64")
    packages = Packages(known, interrupted=interrupted)
    return AptFacts(packages, policy_left=policy_left, timers_left=timers_left)


@pytest.mark.parametrize(
    ("found", "config", "summaries"),
    [
        (facts(), CONFIG, ()),
        (facts("rsync", "fuse3"), WITHOUT_SYSBOX, ()),
        (facts("jq", "rsync"), CONFIG, (UPDATE, "install jq, rsync")),
        (facts(jq="config-files"), CONFIG, (UPDATE, "install jq")),
        (
            facts(jq="half-configured"),
            CONFIG,
            ("finish an interrupted installation (jq)",),
        ),
        (
            facts("curl", interrupted=True),
            CONFIG,
            ("finish an interrupted installation (dpkg's database)", UPDATE, "install curl"),
        ),
        (facts(vim="unpacked"), CONFIG, ()),
        (
            facts("jq", vim="unpacked"),
            CONFIG,
            ("finish an interrupted installation (vim)", UPDATE, "install jq"),
        ),
        (facts(sysbox_ce="half-configured"), CONFIG, ()),
        (
            facts(policy_left=True, timers_left=("apt-daily.timer",)),
            CONFIG,
            (
                "start apt-daily.timer (left stopped by a killed run)",
                f"remove {POLICY} (left by a killed run; blocks service starts)",
            ),
        ),
        (
            facts("jq", policy_left=True, timers_left=("apt-daily.timer",)),
            CONFIG,
            (UPDATE, "install jq"),
        ),
    ],
    ids=[
        "everything installed",
        "sysbox disabled: its dependencies are not wanted",
        "missing",
        "removed except for its configuration",
        "half-configured",
        "interrupted database write",
        "unfinished package of other origin is left alone",
        "unfinished package of other origin blocks an installation",
        "unfinished sysbox is left to its own stage",
        "leftovers",
        "an installation clears the leftovers",
    ],
)
def test_plan(found: AptFacts, config: BotConfig, summaries: tuple[str, ...]) -> None:
    assert tuple(a.summary for a in STAGE.plan(found, config).actions) == summaries


def test_bare_machine_gets_all_packages_in_one_installation() -> None:
    plan = STAGE.plan(facts(*NAMES), CONFIG)
    assert [action.summary for action in plan.actions] == [UPDATE, f"install {', '.join(NAMES)}"]


def test_reason_of_an_empty_plan_shows_versions() -> None:
    assert STAGE.plan(facts(), CONFIG).reason == (
        "15 packages installed (docker.io 1.2, caddy 1.2, cifs-utils 1.2, …)"
    )


def test_probe_reads_dpkg_once_and_finds_leftovers() -> None:
    run, files = FakeRun(), FakeFiles()
    run.answer(
        "dpkg-query", stdout="jq\tinstalled\t1.6\tamd64\nvim\thalf-installed\t9\tamd64\nodd line\n"
    )
    files.put(POLICY, OURS)
    files.put(STOPPED, "apt-daily.timer\n")
    files.put("/var/lib/dpkg/updates/0001")
    files.put("/var/lib/dpkg/updates/tmp.i")
    found = STAGE.probe(fake_host(run=run, files=files), CONFIG)
    assert len(run.calls) == 1
    assert found.packages.version("jq") == "1.6"
    assert found.packages.missing(("jq", "vim", "curl")) == ("vim", "curl")
    assert found.packages.interrupted
    assert found.policy_left
    assert found.timers_left == ("apt-daily.timer",)


def test_policy_of_other_origin_is_not_a_leftover() -> None:
    run, files = FakeRun(), FakeFiles()
    run.answer("dpkg-query")
    files.put(POLICY, "#!/bin/sh\nexit 101\n")
    assert not STAGE.probe(fake_host(run=run, files=files), CONFIG).policy_left


def test_service_starts_are_blocked_during_an_installation() -> None:
    run, files = FakeRun(), FakeFiles()
    seen: list[str | None] = []
    run.effect("apt-get", act=lambda _call: seen.append(files.read_text(POLICY)))
    InstallPackages(("jq",)).apply(fake_host(run=run, files=files))
    assert seen == [OURS]
    # a concurrent apt lacks the variable and may start services
    assert [call.env for call in run.calls if call.argv[0] == "apt-get"] == [
        {"CLAWBOT_HOLD_SERVICES": "1"}
    ]
    assert files.stat(POLICY) is None


def test_policy_of_other_origin_is_kept() -> None:
    run, files = FakeRun(), FakeFiles()
    files.put(POLICY, "exit 0\n")
    run.answer("apt-get")
    InstallPackages(("jq",)).apply(fake_host(run=run, files=files))
    assert files.read_text(POLICY) == "exit 0\n"


def test_timers_are_stopped_during_an_installation_and_started_after_its_failure() -> None:
    run, files = FakeRun(), FakeFiles()
    run.unit("apt-daily.timer")
    run.unit("apt-daily-upgrade.timer", active="inactive")
    stopped: list[str | None] = []

    def install(call: Call) -> None:
        stopped.append(files.read_text(STOPPED))
        raise DpkgFailedError(" ".join(call.argv))

    run.effect("apt-get", act=install)
    host = fake_host(run=run, files=files)
    with pytest.raises(DpkgFailedError):
        InstallPackages(("jq",)).apply(host)
    assert stopped == ["apt-daily.timer\n"]
    assert host.units.get("apt-daily.timer").running
    assert not host.units.get("apt-daily-upgrade.timer").running
    assert files.stat(STOPPED) is None
    assert files.stat(POLICY) is None


def test_lock_holder_is_named_by_its_command_line() -> None:
    run, files = FakeRun(), FakeFiles()
    run.answer(
        "dpkg",
        returncode=2,
        stderr="dpkg: error: dpkg frontend lock was locked by another process with pid 88\n",
    )
    files.put("/proc/88/cmdline", "/usr/bin/unattended-upgrade\0--verbose\0")
    with pytest.raises(AptLockHeldError, match=r"pid 88 \(/usr/bin/unattended-upgrade --verbose\)"):
        FinishInterrupted(("jq",)).apply(fake_host(run=run, files=files))


@pytest.mark.parametrize(
    ("os_release", "separate"),
    [
        ('ID=debian\nVERSION_ID="12"\n', False),
        ('ID=debian\nVERSION_ID="13"\n', True),
        ("ID=debian\nVERSION_CODENAME=forky\n", True),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', False),
        ("", False),
    ],
)
def test_docker_command_is_a_separate_package_since_debian_13(
    os_release: str, *, separate: bool
) -> None:
    files = FakeFiles()
    files.put("/etc/os-release", os_release)
    run = FakeRun()
    run.answer("dpkg-query", stdout="")
    plan = STAGE.look(fake_host(run=run, files=files), CONFIG)
    (installs,) = [action for action in plan.actions if isinstance(action, InstallPackages)]
    assert ("docker-cli" in installs.packages) is separate
