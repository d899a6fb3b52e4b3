"""Vagrant and Multipass, as far as they can be tested without a hypervisor.

The Multipass launcher runs against a stand-in that records its arguments; these tests launch no
machine.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import testinfra
import yaml

from clawbot_agent.config.load import load_config, parse_config
from tests.bench import host_setup
from tests.support import testinfra_hosts

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "vagrant"
ARCHIVE: Final = b"not really a release"
PLACE: Final = "etc/clawbot/secrets/openclaw-gateway-token"
CONTROLLER: Final = """\
#!/bin/sh
exec {python} -c 'from clawbot_controller.cli import main; main()' "$@"
"""
# records each call with its input, and answers like the real one where needed
MULTIPASS: Final = """\
#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
read = sys.stdin.read() if arguments[-2:] == ["--cloud-init", "-"] else ""
with pathlib.Path("{log}").open("a") as log:
    log.write(json.dumps([arguments, read]) + "\\n")
if "hostname" in arguments[-1] or "hostname" in arguments:
    print("10.9.8.7 172.20.0.1")
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes mounts of its own")


def run(
    *argv: str | Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tuple(map(str, argv)),
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of vagrant/ with a release."""
    shutil.copytree(SOURCE, tmp_path / "vagrant", ignore=shutil.ignore_patterns(".*"))
    release = tmp_path / "dist" / f"clawbot-agent-0.1.0-{os.uname().machine}.tar"
    release.parent.mkdir()
    release.write_bytes(ARCHIVE)
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment in which the scripts find the controller."""
    command = executable(tmp_path / "bin/controller", CONTROLLER.format(python=sys.executable))
    return {
        "CLAWBOT_CONTROLLER": str(command),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "agent", ROOT / "controller"))),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
    }


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The /etc and /var/lib/cloud of a machine."""
    for name in ("etc/cloud/cloud.cfg.d", "cloud"):
        (tmp_path / "machine" / name).mkdir(parents=True)
    return tmp_path / "machine"


def in_machine(
    machine: Path, *argv: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run with a machine's /etc and /var/lib/cloud, in a separate mount namespace."""
    prepare = (
        'mkdir -p /var/lib/cloud && mount --bind "$1/cloud" /var/lib/cloud && '
        'mount --bind "$1/etc" /etc && shift && exec "$@"'
    )
    own = ("unshare", "--mount", "--propagation", "private")
    return run(*own, "sh", "-c", prepare, "sh", machine, *argv, environment=environment)


# --- Vagrant ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vagrant() -> str:
    """The vagrant command, installed if missing, without provider plugins."""
    if shutil.which("vagrant") is None:
        if os.geteuid() != 0:
            pytest.skip("vagrant is not installed, and installing it needs root")
        host_setup.ensure(("vagrant",))
    return "vagrant"


def validate(vagrant: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"VAGRANT_HOME": str(home), "VAGRANT_DOTFILE_PATH": str(home / "dot")}
    return run(vagrant, "validate", "--ignore-provider", environment=environment, cwd=folder)


def test_vagrant_validates_the_vagrantfile(vagrant: str, checkout: Path, tmp_path: Path) -> None:
    done = validate(vagrant, checkout / "vagrant", tmp_path / "home")
    assert done.returncode == 0, done.stdout + done.stderr


def test_vagrant_refuses_a_vagrantfile_with_a_missing_script(
    vagrant: str, checkout: Path, tmp_path: Path
) -> None:
    """The validation can fail."""
    (checkout / "vagrant/first-boot.sh").unlink()
    assert validate(vagrant, checkout / "vagrant", tmp_path / "home").returncode != 0


# --- staging, the same for both --------------------------------------------------------------


def staged(checkout: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Stage, and return the files of the custom data by path."""
    done = run(checkout / "vagrant/stage.sh", checkout / "stage", environment=environment)
    assert done.returncode == 0, done.stderr
    text = (checkout / "stage/user-data").read_text()
    assert text.startswith("#cloud-config\n")
    return {item["path"]: item["content"] for item in yaml.safe_load(text)["write_files"]}


def test_release_of_the_checkout_is_staged_with_its_hash(
    checkout: Path, environment: dict[str, str]
) -> None:
    files = staged(checkout, environment)
    name = f"clawbot-agent-0.1.0-{os.uname().machine}.tar"
    assert (checkout / "stage" / name).read_bytes() == ARCHIVE
    install = files["/var/lib/cloud/scripts/per-boot/clawbot"]
    assert f"--sha256 {hashlib.sha256(ARCHIVE).hexdigest()}" in install
    assert f"/opt/clawbot-release/{name}" in install


def test_published_release_is_downloaded_by_the_machine(
    checkout: Path, environment: dict[str, str]
) -> None:
    address = "https://github.com/clawbot/clawbot-agent/releases/download/v9/clawbot-agent-9.tar"
    environment |= {"CLAWBOT_AGENT": address, "CLAWBOT_SHA256": "a" * 64}
    files = staged(checkout, environment)
    assert address in files["/var/lib/cloud/scripts/per-boot/clawbot"]
    assert [path.name for path in (checkout / "stage").iterdir()] == ["user-data"]


def test_local_bot_does_not_need_azure(checkout: Path, environment: dict[str, str]) -> None:
    """Its configuration arrives unchanged."""
    config = parse_config(staged(checkout, environment)["/etc/clawbot/config.yaml"])
    assert config == load_config(SOURCE / "bot.yaml")
    assert config.azure is None
    assert config.secrets.source == "directory"
    assert config.share.azure_files is None


def test_nothing_is_staged_without_a_release(checkout: Path, environment: dict[str, str]) -> None:
    shutil.rmtree(checkout / "dist")
    done = run(checkout / "vagrant/stage.sh", checkout / "stage", environment=environment)
    assert done.returncode == 1
    assert "make dist" in done.stderr
    assert not (checkout / "stage/user-data").exists()


def test_invalid_configuration_is_not_staged(checkout: Path, environment: dict[str, str]) -> None:
    (checkout / "vagrant/bot.yaml").write_text("name: local-bot\nstate: {backend: cloud}\n")
    done = run(checkout / "vagrant/stage.sh", checkout / "stage", environment=environment)
    assert done.returncode != 0
    assert "state.backend" in done.stderr
    assert not (checkout / "stage/user-data").exists()


# --- inside the machine -------------------------------------------------------------------


@needs_root
def test_token_is_created_once_and_readable_by_root_only(etc: Path) -> None:
    done = in_machine(etc, SOURCE / "local-token.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    token = etc / PLACE
    value = token.read_text()
    assert len(bytes.fromhex(value)) == 32
    assert (token.stat().st_mode & 0o777, token.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    # the configuration next to it is world-readable
    assert token.parents[1].stat().st_mode & 0o777 == 0o755
    assert in_machine(etc, SOURCE / "local-token.sh").returncode == 0
    assert token.read_text() == value
    assert [path.name for path in token.parent.iterdir()] == [token.name]


@pytest.fixture
def with_cloud_init(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A stand-in that can be cleaned and records each boot, like the real cloud-init."""
    executable(
        tmp_path / "bin/cloud-init", '#!/bin/sh\n[ "$1" = clean ] && rm -rf /var/lib/cloud/data'
    )
    return environment


@needs_root
def test_changed_custom_data_is_a_new_instance_to_cloud_init(
    etc: Path, tmp_path: Path, with_cloud_init: dict[str, str]
) -> None:
    """Unchanged custom data is the same instance."""
    user_data = tmp_path / "user-data"
    instances, remembered = [], []
    for text in ("#cloud-config\n{}\n", "#cloud-config\n{}\n", "#cloud-config\na: 1\n"):
        user_data.write_text(text)
        (etc / "etc/cloud/cloud-init.disabled").touch()
        done = in_machine(etc, SOURCE / "first-boot.sh", user_data, environment=with_cloud_init)
        assert done.returncode == 0, done.stderr
        seed = etc / "cloud/seed/nocloud"
        assert (seed / "user-data").read_text() == text
        remembered.append((etc / "cloud/data").exists())
        instances.append(yaml.safe_load((seed / "meta-data").read_text())["instance-id"])
        (etc / "cloud/data").mkdir(exist_ok=True)
        (etc / "cloud/data/instance-id").write_text(f"{instances[-1]}\n")
    assert remembered == [False, True, False]
    first, same, other = instances
    assert first == same != other
    assert not (etc / "etc/cloud/cloud-init.disabled").exists()
    settings = yaml.safe_load((etc / "etc/cloud/cloud.cfg.d/99-clawbot-local.cfg").read_text())
    assert settings["datasource_list"] == ["NoCloud", "None"]


@needs_root
def test_box_without_cloud_init_is_refused(etc: Path, tmp_path: Path) -> None:
    if shutil.which("cloud-init"):
        pytest.skip("this host has cloud-init")
    done = in_machine(etc, SOURCE / "first-boot.sh", tmp_path / "user-data")
    assert done.returncode == 1
    assert "cloud-init" in done.stderr
    assert list((etc / "cloud").iterdir()) == []


# --- Multipass ----------------------------------------------------------------------------


@pytest.fixture
def calls(tmp_path: Path, environment: dict[str, str]) -> Path:
    """The log of a stand-in for Multipass."""
    log = tmp_path / "multipass.log"
    assert environment["PATH"]
    executable(tmp_path / "bin/multipass", MULTIPASS.format(python=sys.executable, log=log))
    return log


def recorded(log: Path) -> list[tuple[list[str], str]]:
    return [(arguments, read) for arguments, read in map(json.loads, log.read_text().splitlines())]


def test_multipass_launches_a_bot(checkout: Path, environment: dict[str, str], calls: Path) -> None:
    """The launch has the custom data; then follow the token, the release, a boot, and waiting."""
    done = run(checkout / "vagrant/multipass.sh", "my-bot", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "http://10.9.8.7/" in done.stdout
    (launch, user_data), *later = recorded(calls)
    assert launch[:2] == ["launch", "24.04"]
    assert launch[launch.index("--name") + 1] == "my-bot"
    assert user_data == (checkout / "vagrant/.stage/user-data").read_text()
    verbs = [arguments[0] for arguments, _read in later]
    assert verbs == ["exec", "exec", "transfer", "exec", "restart", "exec", "exec"]
    scripts = [(SOURCE / name).read_text().rstrip() for name in ("local-token.sh", "wait.sh")]
    assert later[0][0] == ["exec", "my-bot", "--", "sudo", "sh", "-c", scripts[0]]
    assert later[5][0] == ["exec", "my-bot", "--", "sudo", "sh", "-c", scripts[1]]


def test_multipass_machine_downloads_a_published_release(
    checkout: Path, environment: dict[str, str], calls: Path
) -> None:
    """Nothing is transferred, so one boot is enough."""
    environment |= {"CLAWBOT_AGENT": "https://example.com/agent.tar", "CLAWBOT_SHA256": "a" * 64}
    assert run(checkout / "vagrant/multipass.sh", environment=environment).returncode == 0
    assert [arguments[0] for arguments, _read in recorded(calls)] == [
        "launch",
        "exec",
        "exec",
        "exec",
    ]


def test_testinfra_runs_commands_in_a_multipass_machine(
    environment: dict[str, str], calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands run as root, with quoted arguments."""
    monkeypatch.setenv("PATH", environment["PATH"])
    testinfra_hosts.register()
    host = testinfra.get_host("multipass://my-bot")
    assert host.check_output("hostname %s", "a b").startswith("10.9.8.7")
    wanted = ["exec", "my-bot", "--", "sudo", "sh", "-c", "hostname 'a b'"]
    assert [arguments for arguments, _read in recorded(calls)] == [wanted]


@pytest.mark.parametrize("options", [("--nme",), ("one", "two")])
def test_launcher_refuses_unknown_arguments(
    checkout: Path, environment: dict[str, str], calls: Path, options: tuple[str, ...]
) -> None:
    done = run(checkout / "vagrant/multipass.sh", *options, environment=environment)
    assert done.returncode == 1
    assert "--help" in done.stderr
    assert not calls.exists()


def test_launcher_has_a_help_text(checkout: Path) -> None:
    done = run(checkout / "vagrant/multipass.sh", "--help")
    assert done.returncode == 0
    assert "multipass.sh [NAME]" in done.stdout


def test_scripts_pass_shellcheck() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = run(shellcheck, *sorted(SOURCE.glob("*.sh")))
    assert done.returncode == 0, done.stdout
