from typing import Final

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.paths import CACHE_DIR, DAEMON_JSON
from clawbot_agent.features.sysbox.actions import ConfigureEngine, InstallPackage, Smoke
from clawbot_agent.features.sysbox.errors import SysboxRuntimeMissingError, SysboxSmokeFailedError
from clawbot_agent.host.docker import DockerCallError, RunOnce
from clawbot_agent.records.proof import SMOKE
from tests.fakes import FakeDocker, FakeFiles, FakeRun, fake_host

DEB: Final = CACHE_DIR / "sysbox-ce_0.6.7_b7ac389e.deb"
# output of the real package's scripts and of the bench's substitute
KERNEL: Final = 'Unsupported linux kernel release "4.19" for "Debian 12" distro.'
CONTAINERS: Final = "Sysbox installer found existing docker containers. Please remove them"
SUBSTITUTE: Final = (
    "sysbox-ce: Docker must be restarted with another network configuration, but it has\n"
    "containers. Remove them"
)
FAILED: Final = "dpkg: error processing package sysbox-ce (--configure):\n exit status 1\n"


def machine() -> FakeRun:
    """Simulate a machine on which the right package has been downloaded."""
    run = FakeRun()
    run.answer("dpkg-deb", stdout="Package: sysbox-ce\nVersion: 0.6.7-0.linux\n")
    run.answer("dpkg", "--purge")
    return run


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (f"{KERNEL}\n{FAILED}", "SYSBOX_KERNEL"),
        (f"sysbox-ce: kernel 5.4.0 is too old; Sysbox needs 5.5.\n{FAILED}", "SYSBOX_KERNEL"),
        (f"{CONTAINERS}\n{FAILED}", "SYSBOX_CONTAINERS_RUNNING"),
        (f"{SUBSTITUTE}\n{FAILED}", "SYSBOX_CONTAINERS_RUNNING"),
        (f"boom\n{FAILED}", "SYSBOX_INSTALL_FAILED"),
        (
            "E: Could not get lock /var/lib/dpkg/lock. It is held by process 9 (dpkg)",
            "APT_LOCK_HELD",
        ),
    ],
)
def test_failed_installation_is_classified(output: str, code: str) -> None:
    run = machine()
    run.answer("apt-get", returncode=100, stdout=output)
    with pytest.raises(ClawbotError) as caught:
        InstallPackage("0.6.7", DEB, None).apply(fake_host(run=run))
    assert caught.value.code == code


@pytest.mark.parametrize(("replaces", "purged"), [(None, True), ("0.7.1-0.linux", False)])
def test_failed_first_installation_is_purged(replaces: str | None, *, purged: bool) -> None:
    run = machine()
    run.answer("apt-get", returncode=100, stdout=FAILED)
    with pytest.raises(ClawbotError):
        InstallPackage("0.6.7", DEB, replaces).apply(fake_host(run=run))
    assert any(argv[:2] == ("dpkg", "--purge") for argv in run.argvs) is purged


def test_missing_package_lists_are_fetched() -> None:
    run, files = machine(), FakeFiles()
    run.answer("apt-get", "install", returncode=100, stderr="E: Unable to locate package rsync")
    run.answer("apt-get", "install")
    run.answer("apt-get", "update")
    files.put(DEB)
    InstallPackage("0.6.7", DEB, None).apply(fake_host(run=run, files=files))
    verbs = [argv[1] for argv in run.argvs if argv[0] == "apt-get"]
    assert verbs == ["install", "update", "install"]
    assert files.stat(DEB) is None


def test_daemon_json_is_read_when_merged_not_when_planned() -> None:
    run, files = FakeRun(), FakeFiles()
    run.unit("docker.service")
    docker = FakeDocker(engine={"Runtimes": {"sysbox-runc": {}}, "DefaultRuntime": "runc"})
    action = ConfigureEngine("0.6.7", None, "test")
    files.put(DAEMON_JSON, '{"added-by": "the package"}')
    action.apply(fake_host(run=run, files=files, docker=docker))
    assert '"added-by"' in (files.read_text(DAEMON_JSON) or "")
    assert ("systemctl", "reload", "docker.service") in run.argvs


def test_engine_without_the_runtime_after_a_reload_is_an_error() -> None:
    run = FakeRun()
    run.unit("docker.service")
    with pytest.raises(SysboxRuntimeMissingError):
        ConfigureEngine("0.6.7", None, "test").apply(fake_host(run=run))


def test_image_of_the_test_container_is_built_once() -> None:
    run, docker = FakeRun(), FakeDocker(once=[RunOnce(0, ""), RunOnce(0, "")])
    run.answer("tar")
    host = fake_host(run=run, docker=docker)
    Smoke("0.6.7", "test").apply(host)
    Smoke("0.6.7", "test").apply(host)
    assert [name for name, _ in docker.calls].count("import_image") == 1


@pytest.mark.parametrize("ended", [RunOnce(1, "no\nsuch thing"), DockerCallError("docker run: no")])
def test_failed_test_container_is_not_recorded(ended: RunOnce | DockerCallError) -> None:
    run, files, docker = FakeRun(), FakeFiles(), FakeDocker(once=[ended])
    run.answer("tar")
    with pytest.raises(SysboxSmokeFailedError):
        Smoke("0.6.7", "test").apply(fake_host(run=run, files=files, docker=docker))
    assert files.stat(SMOKE.path) is None
