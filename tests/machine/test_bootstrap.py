"""bootstrap.sh on a bare machine: it installs a complete agent, or none and reports the reason."""

import hashlib
import json
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.bench import product
from tests.bench.bench import REPOSITORY, Bench
from tests.bench.cache import Cache
from tests.support.releases import altered, rewrite

SCRIPT: Final = "/opt/clawbot-delivery/bootstrap.sh"
ENABLED: Final = {
    "clawbot-agent.service",
    "clawbot-events.service",
    "clawbot-reconcile.timer",
    "clawbot-sidecar.service",
}
LINK: Final = "usr/local/bin/clawbot-agent"
BROKEN: Final = {"clawbot_agent/cli/__init__.py": b"raise RuntimeError('broken on purpose')\n"}
UNIT: Final = b"[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
# a bare machine has no curl
GET_HEALTH: Final = """\
import urllib.request
url = "http://localhost:18790/health/azure"
print(urllib.request.urlopen(url, timeout=5).read().decode())
"""
PURGE: Final = """\
systemctl list-units --all --plain --no-legend 'clawbot-*' | cut -d' ' -f1 | xargs -r systemctl stop
systemctl --quiet disable clawbot-agent clawbot-events clawbot-reconcile.timer clawbot-sidecar
rm -rf /opt/clawbot /usr/local/bin/clawbot-agent /etc/systemd/system/clawbot-* /etc/clawbot
systemctl daemon-reload
"""


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Site:
    """A machine on which bootstrap.sh runs, and the release that it installs."""

    bench: Bench
    archive: Path

    def deliver(self, path: Path) -> str:
        """Copy a file to the machine; return its path there."""
        shutil.copy(path, self.bench.root / "opt/clawbot-delivery")
        return f"/opt/clawbot-delivery/{path.name}"

    def publish(self, path: Path) -> str:
        """Publish a file on GitHub; return its address."""
        where = product.release_path(path)
        self.bench.azure.set("github", assets={where: str(path)})
        return f"https://github.com{where}"

    def bootstrap(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.sh on the machine."""
        return self.bench.exec((SCRIPT, *arguments), timeout=300)

    def install(self, archive: Path) -> None:
        """Install a release, which must succeed."""
        done = self.bootstrap("--no-start", self.deliver(archive))
        assert done.returncode == 0, done.stderr

    def sh(self, command: str) -> str:
        """Return the output of a command on the machine, which must succeed."""
        done = self.bench.exec(command, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def link(self, name: str) -> str:
        """Return the version that a link below /opt/clawbot points to; empty without the link."""
        path = self.bench.root / "opt/clawbot" / name
        return path.readlink().name if path.is_symlink() else ""

    def versions(self) -> set[str]:
        """Return the names of the installed versions."""
        return {path.name for path in self.bench.root.glob("opt/clawbot/versions/*")}

    def console_shows(self, text: str) -> bool:
        """Return whether the serial console shows the text within 10 s."""
        log = self.bench.run_dir / "console.log"
        deadline = time.monotonic() + 10
        while (
            text not in (shown := log.read_text(errors="replace")) and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        return text in shown

    def azure_health(self) -> dict[str, str]:
        """Return what the health extension gets; empty without an answer."""
        done = self.bench.exec(("python3", "-c", GET_HEALTH), timeout=60)
        answer: dict[str, str] = json.loads(done.stdout or "{}")
        return answer

    def downloads(self) -> int:
        """Return the number of requests to GitHub."""
        return len(self.bench.azure.requests("github"))


@pytest.fixture(scope="module")
def machine() -> Iterator[Bench]:
    with Bench("bootstrap") as bench:
        inside = bench.root / "opt/clawbot-delivery"
        inside.mkdir()
        shutil.copy(REPOSITORY / "bootstrap.sh", inside)
        yield bench


@pytest.fixture
def site(machine: Bench) -> Iterator[Site]:
    """Return the machine without an agent, before and after the test."""
    archive, _ = product.release(Cache(machine.cache_dir))
    yield Site(machine, archive)
    machine.exec(PURGE, timeout=60)
    machine.azure.reset()


def test_release_is_installed_from_an_address(site: Site, figures: dict[str, float]) -> None:
    """Units are enabled and started; transient errors of the download are retried."""
    site.bench.azure.set("github", script=[503, 429])
    pinned = ("--sha256", sha256(site.archive))
    began = time.monotonic()
    done = site.bootstrap(*pinned, site.publish(site.archive))
    figures["bootstrap.sh from an address, with two retries, s"] = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert "version" in site.sh("clawbot-agent --version")
    assert site.link("current") == pinned[1][:16]
    units = site.sh("systemctl list-unit-files --state=enabled --no-legend 'clawbot-*'")
    assert {line.split()[0] for line in units.splitlines()} == ENABLED
    shipped = {path.name for path in (REPOSITORY / "systemd").glob("*.[st]*")}
    assert {path.name for path in site.bench.root.glob("etc/systemd/system/clawbot-*")} == shipped
    assert site.sh("systemctl is-active clawbot-reconcile.timer").strip() == "active"
    assert not (site.bench.root / "opt/clawbot/work").exists()


def test_second_run_changes_nothing(site: Site, figures: dict[str, float]) -> None:
    """It downloads nothing and takes less than a second."""
    source = ("--no-start", "--sha256", sha256(site.archive), site.publish(site.archive))
    assert site.bootstrap(*source).returncode == 0
    listing = "find /opt/clawbot /etc/systemd /usr/local -printf '%p %y %T@ %C@ %l\\n' | sort"
    # except the parent of the working directory, and byte code, which Python writes at first use
    listing += " | grep -v -e '^/opt/clawbot d' -e __pycache__"
    before, downloads = site.sh(listing), site.downloads()
    # CPU time, because the machine may be busy
    again = f"TIMEFORMAT='%U %S'; time {shlex.join((SCRIPT, *source))} >/dev/null"
    seconds = sum(map(float, site.bench.exec(again, timeout=60).stderr.split()))
    figures["bootstrap.sh again, s of processor time"] = seconds
    assert seconds < 1
    assert site.sh(listing) == before
    assert site.downloads() == downloads


def test_wrong_hash_installs_nothing(site: Site) -> None:
    wrong = "0" * 64
    done = site.bootstrap("--sha256", wrong, site.publish(site.archive))
    reason = f"has SHA-256 {sha256(site.archive)}, not {wrong}: nothing was installed"
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("bootstrap: https://github.com/")
    assert done.stderr.splitlines()[-1].endswith(reason)
    assert site.console_shows(reason)
    assert site.versions() == set()
    assert not (site.bench.root / LINK).is_symlink()
    assert not list(site.bench.root.glob("etc/systemd/system/clawbot-*"))


def test_cloud_inits_status_has_the_reason(site: Site) -> None:
    """As the name of a script that fails once: the status has no other field for it."""
    scripts = site.bench.root / "var/lib/cloud/instance/scripts"
    done = site.bootstrap("--cloud-init", "--sha256", "0" * 64, site.deliver(site.archive))
    assert done.returncode == 3
    found = [path.name for path in scripts.iterdir()]
    difference = f"has SHA-256 {sha256(site.archive)}, not {'0' * 64}"
    assert found == [f"bootstrap: {site.archive.name} {difference}: nothing was installed"]
    run = site.bench.exec((f"/var/lib/cloud/instance/scripts/{found[0]}",))
    assert (run.returncode, list(scripts.iterdir())) == (1, [])


def test_unexpected_end_is_reported(site: Site) -> None:
    site.sh("install -d /opt/clawbot && touch /opt/clawbot/versions")
    done = site.bootstrap(site.deliver(site.archive))
    assert done.returncode != 0
    assert "bootstrap: ended unexpectedly" in done.stderr
    assert site.console_shows("bootstrap: ended unexpectedly")


def test_missing_file_is_reported_at_once(site: Site) -> None:
    began = time.monotonic()
    done = site.bootstrap("--sha256", "0" * 64, "https://github.com/clawbot/nothing.tar")
    assert done.returncode == 1
    assert "HTTP 404" in done.stderr
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("option", [("--sha256", "abc"), ("--sha256", "G" * 64), ()])
def test_address_needs_a_hash(site: Site, option: tuple[str, ...]) -> None:
    assert site.bootstrap(*option, "https://github.com/x.tar").returncode == 2


def test_package_with_another_hash_is_refused(site: Site, tmp_path: Path) -> None:
    """The lock in the wheel decides, also for a directory of wheels."""
    cache = Cache(site.bench.cache_dir)
    shutil.copytree(product.wheelhouse(cache), tmp_path / "wheels")
    rewrite(next((tmp_path / "wheels").glob("click-*.whl")), {"click/extra.py": b"import os\n"})
    inside = site.bench.root / "opt/clawbot-delivery/wheels"
    shutil.copytree(tmp_path / "wheels", inside)
    wheel = site.deliver(next(product.wheel(cache).glob("*.whl")))
    done = site.bootstrap("--wheelhouse", "/opt/clawbot-delivery/wheels", wheel)
    shutil.rmtree(inside)
    assert done.returncode == 3
    assert "a package does not match its hash" in done.stderr
    assert "click" in done.stderr
    assert not (site.bench.root / LINK).is_symlink()


def test_packages_are_installed_from_pypi_by_the_lock(
    site: Site, figures: dict[str, float]
) -> None:
    """From the agent's wheel alone: its dependencies come from PyPI, each with its hash."""
    wheel = next(product.wheel(Cache(site.bench.cache_dir)).glob("*.whl"))
    began = time.monotonic()
    done = site.bootstrap("--no-start", "--sha256", sha256(wheel), site.deliver(wheel))
    figures["bootstrap.sh from PyPI, s"] = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert "version" in site.sh("clawbot-agent --version")


def test_interrupted_installation_is_completed_by_the_next(site: Site) -> None:
    """The remains of a killed installation are not used as an agent."""
    argv = site.bench.enter((SCRIPT, "--no-start", site.deliver(site.archive)))
    started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    # some packages are installed and others are not
    while not list(site.bench.root.glob("opt/clawbot/versions/*/lib/python3*/site-packages/c*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    site.bench.exec("kill -9 $(pgrep -f bootstrap.sh; pgrep -f 'm pip')")
    assert started.wait(timeout=30) == -signal.SIGKILL
    assert not (site.bench.root / LINK).is_symlink()
    site.install(site.archive)
    assert "version" in site.sh("clawbot-agent --version && clawbot-agent config example")


def test_upgrade_keeps_only_the_previous_version(site: Site, tmp_path: Path) -> None:
    """Versions are installed side by side and one link is switched; units are added and removed."""
    releases = []
    for number in ("one", "two", "three"):
        (tmp_path / number).mkdir()
        files = {f"share/clawbot/systemd/clawbot-{number}.service": UNIT}
        releases.append(altered(site.archive, tmp_path / number, files=files))
    names = [sha256(path)[:16] for path in releases]
    site.install(releases[0])
    site.sh("systemctl start clawbot-one.service")
    site.install(releases[1])
    assert (site.link("current"), site.link("previous")) == (names[1], names[0])
    assert site.sh("systemctl is-active clawbot-one.service || true").strip() == "inactive"
    units = {path.name for path in site.bench.root.glob("etc/systemd/system/**/clawbot-*")}
    assert "clawbot-one.service" not in units
    assert "clawbot-two.service" in units
    site.install(releases[2])
    assert site.versions() == set(names[1:])


def test_version_that_a_service_runs_is_kept(site: Site, tmp_path: Path) -> None:
    """No upgrade restarts the lease daemon."""
    site.install(site.archive)
    python = f"/opt/clawbot/versions/{site.link('current')}/bin/python3"
    site.sh(f"systemd-run --unit=clawbot-old {python} -c 'import time; time.sleep(600)'")
    kept = site.link("current")
    for number in ("one", "two"):
        (tmp_path / number).mkdir()
        files = {"clawbot_agent/note.txt": number.encode()}
        site.install(altered(site.archive, tmp_path / number, files=files))
    assert kept in site.versions()
    assert len(site.versions()) == 3


def test_failed_upgrade_keeps_the_present_agent(site: Site, tmp_path: Path) -> None:
    site.install(site.archive)
    present = site.link("current")
    broken = altered(site.archive, tmp_path, files=BROKEN)
    done = site.bootstrap("--no-start", site.deliver(broken))
    assert done.returncode == 1
    assert "the new clawbot-agent does not start: " in done.stderr
    assert "broken on purpose" in done.stderr
    assert (site.link("current"), site.link("previous")) == (present, "")
    assert "version" in site.sh("clawbot-agent --version")


def test_upgrade_that_refuses_the_configuration_is_not_made(site: Site, tmp_path: Path) -> None:
    site.install(site.archive)
    present = site.link("current")
    product.configure(site.bench, "name: my-bot\nfuture: {}\n")
    newer = altered(site.archive, tmp_path, files={"clawbot_agent/note.txt": b"newer"})
    done = site.bootstrap("--no-start", site.deliver(newer))
    assert done.returncode == 1
    assert "the new clawbot-agent refuses /etc/clawbot/config.yaml: " in done.stderr
    assert "future: " in done.stderr
    assert site.link("current") == present


def test_first_installation_with_an_invalid_configuration_reports_it_to_azure(site: Site) -> None:
    """Without a sidecar Azure would replace the instance repeatedly, which would not help."""
    product.configure(site.bench, "name: my-bot\nfuture: {}\n")
    done = site.bootstrap(site.deliver(site.archive))
    assert done.returncode == 1
    reason = done.stderr.strip().splitlines()[-1]
    assert reason.startswith("bootstrap: the new clawbot-agent refuses /etc/clawbot/config.yaml: ")
    assert "future: " in reason
    deadline = time.monotonic() + 60
    while (answer := site.azure_health()).get("ApplicationHealthState") != "Healthy":
        assert time.monotonic() < deadline, answer
        time.sleep(1)
    metrics = json.loads(answer["CustomMetrics"])
    assert (metrics["situation"], metrics["code"]) == ("replacement-suspended", "CONFIG_INVALID")


def test_incomplete_release_names_the_missing_package(site: Site, tmp_path: Path) -> None:
    partial = altered(site.archive, tmp_path, files={}, drop="pydantic-")
    done = site.bootstrap(site.deliver(partial))
    assert done.returncode == 1
    assert "pydantic" in done.stderr
    assert not (site.bench.root / LINK).is_symlink()
