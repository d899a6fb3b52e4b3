"""`make demo`: its output, the units that it starts, and its result."""

import functools
import json
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast
from unittest import mock

import pytest

from tests.bench import demo, heartbeat, host_setup, product
from tests.bench.bench import Bench

ROOT: Final = Path(__file__).resolve().parents[2]
# stands in for journalctl --follow: some lines, then silence
JOURNAL: Final = "echo one; echo two; exec sleep 60"


@dataclass
class FakeBench:
    """A bench with scripted answers of its machine.

    Attributes:
        answers: exit code by a command's last word; default: 0.
        seconds: duration of a command.
        ran: all commands, in order.
    """

    root: Path
    answers: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    address: str = "127.0.0.1:1"
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,  # noqa: ARG002 - the bench's signature
    ) -> subprocess.CompletedProcess[str]:
        """Return the scripted answer."""
        words = (command,) if isinstance(command, str) else tuple(command)
        self.ran.append(words)
        time.sleep(self.seconds)
        return subprocess.CompletedProcess(words, self.answers.get(words[-1], 0), "", "said\n")

    def enter(self, command: str | Sequence[str]) -> tuple[str, ...]:
        """Return the argv of the fake journal, or of a program that exits 0."""
        self.ran.append((command,) if isinstance(command, str) else tuple(command))
        return ("sh", "-c", JOURNAL if "journalctl" in command else "exit 0")


def fake(tmp_path: Path, **more: object) -> tuple[FakeBench, Bench]:
    bench = FakeBench(tmp_path, **more)  # type: ignore[arg-type]  # fields by name
    return bench, cast("Bench", bench)


def test_hints_of_the_default_bench_omit_its_name() -> None:
    said = demo.next_steps("demo", "10.61.0.4")
    assert "BENCH_NAME" not in said
    assert "make exec CMD='clawbot-agent plan' " in said
    assert "http://10.61.0.4/ " in said
    assert "make down " in said


def test_hints_of_another_bench_name_it_in_every_command() -> None:
    lines = demo.next_steps("foo", "10.61.0.4").splitlines()
    commands = [line for line in lines if line.startswith("  make ")]
    assert len(commands) >= 5
    assert [line for line in commands if " BENCH_NAME=foo " not in line] == []
    assert "  make exec BENCH_NAME=foo CMD='clawbot-agent logs gateway'  " in "\n".join(commands)


def test_default_bench_is_the_one_in_the_makefile() -> None:
    assert f"\nBENCH_NAME ?= {demo.DEFAULT_NAME}\n" in (ROOT / "Makefile").read_text()


def test_demo_checks_every_unit_that_starts_at_boot() -> None:
    units = (ROOT / "systemd").iterdir()
    enabled = {path.name for path in units if "[Install]" in path.read_text()}
    # the agent exits when the machine is a bot
    assert enabled - set(demo.UNITS) == {"clawbot-agent.service"}


@pytest.mark.parametrize(("start", "expected"), [(True, ()), (False, ("--no-start",))])
def test_units_are_started_only_on_request(
    tmp_path: Path, *, start: bool, expected: tuple[str, ...]
) -> None:
    recorder, bench = fake(tmp_path / "root")
    archive = tmp_path / "a.tar"
    archive.write_bytes(b"")
    product.install(bench, archive, start=start)
    inside = "/opt/clawbot-delivery"
    assert recorder.ran == [(f"{inside}/bootstrap.sh", *expected, f"{inside}/a.tar")]


def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBench:
    recorder, bench = fake(tmp_path, seconds=1.0)
    monkeypatch.setattr(demo, "heartbeat", functools.partial(heartbeat.heartbeat, every=0.1))
    demo._follow_the_run(bench, since=0)  # noqa: SLF001 - the rest needs a machine
    return recorder


def test_run_is_followed_with_progress_during_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = [
        {"name": "apt", "state": "changed", "reason": "installed"},
        {"name": "image", "state": "running", "reason": "step 3/13: Debian packages"},
    ]
    status = tmp_path / "var/lib/clawbot/status.json"
    status.parent.mkdir(parents=True)
    status.write_text(json.dumps({"stages": stages}))
    began = time.monotonic()
    recorder = follow(tmp_path, monkeypatch)
    assert time.monotonic() - began < 10
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "..." not in line] == ["one", "two"]
    beat = r" *\d+ s  \.\.\. image: step 3/13: Debian packages"
    assert len([line for line in lines if re.fullmatch(beat, line)]) >= 3
    assert recorder.ran[-1] == ("systemctl", "start", "clawbot-agent.service")


def test_run_without_a_record_is_reported_as_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(tmp_path, monkeypatch)
    assert "s  ... the agent is starting\n" in capsys.readouterr().out


@pytest.fixture
def without_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_deliver", "_follow_the_run", "_show_health"):
        monkeypatch.setattr(demo, name, lambda *_arguments: None)
    monkeypatch.setattr(product, "keep_images", lambda _bench: None)


@pytest.mark.usefixtures("without_a_machine")
@pytest.mark.parametrize(
    "unit", ["clawbot-sidecar.service", "clawbot-events.service", "clawbot-reconcile.timer"]
)
def test_demo_fails_when_a_unit_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: str
) -> None:
    _, bench = fake(tmp_path, answers={unit: 3})
    assert demo._demonstrate(bench) == 1  # noqa: SLF001 - as above
    assert f"not running: {unit}\n" in capsys.readouterr().out


@pytest.mark.usefixtures("without_a_machine")
@pytest.mark.parametrize("code", [0, 1])
def test_exit_code_is_that_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(product, "follow", lambda _bench, _command: code)
    assert demo._demonstrate(fake(tmp_path)[1]) == code  # noqa: SLF001 - as above


def test_invalid_name_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main("a/b") == 1
    assert "letters, digits and dashes" in capsys.readouterr().err


def test_interrupted_demo_prints_how_to_remove_the_bench(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_bench: Bench) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_demonstrate", interrupted)
    assert demo.main("foo") == 130
    assert "make down BENCH_NAME=foo\n" in capsys.readouterr().err


def test_units_start_after_configuration_and_secrets_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is that of an instance: configuration and secrets, then bootstrap.sh."""
    done = mock.Mock()
    done.product.release.return_value = (tmp_path / "a.tar", "")
    for name in ("release", "install", "configure", "configuration", "as_yaml", "restore_images"):
        monkeypatch.setattr(product, name, getattr(done.product, name))
    monkeypatch.setattr(host_setup, "ensure", lambda _packages: [])
    bench = done.bench
    bench.cache_dir = tmp_path
    demo._deliver(bench)  # noqa: SLF001 - as above
    last = done.mock_calls[-1]
    assert last == mock.call.product.install(bench, tmp_path / "a.tar", start=True)
    names = [name for name, _, _ in done.mock_calls]
    wanted = ("bench.up", "bench.azure.set", "product.configure", "product.restore_images")
    assert [name for name in wanted if name not in names] == []
    assert names.index("bench.up") < names.index("bench.azure.set")
