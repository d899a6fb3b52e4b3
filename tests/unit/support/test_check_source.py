"""The source check finds violations and accepts similar code."""

from pathlib import Path

import pytest

from tests.support.check_source import ALLOWED, PACKAGES, Allowed, Checker, Finding, main


def check(
    text: str, *, path: str = "stages/apt.py", package: str = "clawbot_agent"
) -> list[Finding]:
    return list(Checker(allowed=()).check(package, Path(path), text))


BROKEN = [
    ("import subprocess\n", "import"),
    ("import os.path\n", "import"),
    ("from os import environ\n", "import"),
    ("from urllib import request\n", "import"),
    ("from http.client import HTTPConnection\n", "import"),
    ("import time as clock\n", "import"),
    ("def f():\n    import docker\n", "import"),
    ("from . import apt\n", "relative-import"),
    ("from ..host import files\n", "relative-import"),
    ("open('/etc/passwd')\n", "file"),
    ("path.read_text()\n", "file"),
    ("Path('/etc').exists()\n", "file"),
    ("Path(name).open()\n", "file"),
    ("directory.mkdir(parents=True)\n", "file"),
    ("now = datetime.now(UTC)\n", "clock"),
    ("field(default_factory=datetime.datetime.utcnow)\n", "clock"),
    ("host.run(f'rm {path}')\n", "shell"),
    ("self.run('apt-get update')\n", "shell"),
    ("host.run('rm ' + path)\n", "shell"),
    ("host.run(argv, shell=True)\n", "shell"),
    ("host.run(('sh', '-c', f'rm {path}'))\n", "shell"),
    ("argv = ['/bin/bash', '-ec', 'rm ' + path]\n", "shell"),
]


@pytest.mark.parametrize(("text", "rule"), BROKEN, ids=[text for text, _ in BROKEN])
def test_rule_finds_a_violation(text: str, rule: str) -> None:
    (finding,) = check(text)
    assert finding.rule == rule
    assert not finding.warning
    assert str(finding).startswith("agent/clawbot_agent/stages/apt.py:")


@pytest.mark.parametrize(
    "text",
    [
        "import timeit\n",
        "from clawbot_agent.host.docker import Docker\n",
        "from urllib.parse import urlsplit\n",
        "from pathlib import Path\n",
        "host.files.read_text(path)\n",
        "files('clawbot_agent').joinpath('Caddyfile.j2').read_text()\n",
        "resources.files(package).iterdir()\n",
        "host.clock.now()\n",
        "datetime.fromisoformat(text)\n",
        "host.run(('apt-get', 'update'))\n",
        "host.run(('sh', '-c', SCRIPT, 'sh', path))\n",
        "runner.run('apt')\n",
        "webbrowser_name = 'os'\n",
    ],
)
def test_similar_code_is_accepted(text: str) -> None:
    assert check(text) == []


MACHINE = "import os\n\nPath('/etc').exists()\ndatetime.now(UTC)\n"


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("clawbot_agent", "host/files.py"),
        ("clawbot_agent", "features/share/mount_io.py"),
        ("clawbot_controller", "azure/arm.py"),
    ],
)
def test_machine_facing_module_is_exempt(package: str, path: str) -> None:
    assert check(MACHINE, package=package, path=path) == []


@pytest.mark.parametrize("path", ["hostname.py", "stages/host.py", "io.py", "studio.py"])
def test_module_with_a_similar_name_is_not_exempt(path: str) -> None:
    assert {finding.rule for finding in check(MACHINE, path=path)} == {"import", "file", "clock"}


def test_shell_is_refused_even_in_machine_facing_modules() -> None:
    (finding,) = check("subprocess.run(f'rm {path}', shell=True)\n", path="host/commands.py")[:1]
    assert finding.rule == "shell"


def test_size_is_a_warning() -> None:
    long = "def f():\n" + "    x = 1\n" * 60
    (function,) = check(long)
    assert (function.rule, function.warning) == ("function-size", True)
    (module,) = check("x = 1\n" * 301)
    assert (module.rule, module.warning) == ("module-size", True)
    assert check("def f():\n" + "    x = 1\n" * 59) == []
    assert check("x = 1\n" * 300) == []


EXCEPTION = Allowed(
    module="clawbot_agent.cli.logs", rule="import", what="time", reason="waits for the next line"
)


def test_exception_covers_one_module_and_one_thing() -> None:
    checker = Checker(allowed=(EXCEPTION,))
    assert list(checker.check("clawbot_agent", Path("cli/logs.py"), "import time\n")) == []
    assert len(list(checker.check("clawbot_agent", Path("cli/logs.py"), "import os\n"))) == 1
    assert len(list(checker.check("clawbot_agent", Path("cli/run.py"), "import time\n"))) == 1
    assert list(checker.unneeded()) == []


def test_unused_exception_is_a_finding() -> None:
    (finding,) = Checker(allowed=(EXCEPTION,)).unneeded()
    assert "clawbot_agent.cli.logs" in str(finding)
    assert not finding.warning


def test_every_exception_has_a_reason_and_a_checked_package() -> None:
    assert [one for one in ALLOWED if not one.reason] == []
    assert {one.module.partition(".")[0] for one in ALLOWED} <= PACKAGES.keys()


def test_product_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
    assert int(capsys.readouterr().out.split(" modules:")[0].split()[-1]) > 100
