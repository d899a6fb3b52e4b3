"""Machines in another process, and the properties of virtual ones in a scale set's body."""

import threading
from pathlib import Path

import pytest

from tests.bench.arm.catalog import machine_of
from tests.bench.arm.machines import InMemoryMachines, Instance, Model, Output
from tests.bench.arm.plug import PluggedMachines, plugged
from tests.bench.arm.vm_machines import health_state, machine_name, probe_url
from tests.contract.bench_arm.conftest import sample

INSTANCE = Instance("/subscriptions/s/x/0", "bot", "bot_0", "vm-id", "bots")
PROFILE = sample("vmss_uniform")["properties"]["virtualMachineProfile"]
MODEL = Model("Standard_B2als_v2", "eastus", b"#cloud-config\n", b"", "bot000000", (), {}, PROFILE)


def test_calls_are_forwarded_to_the_other_process(tmp_path: Path) -> None:
    machines = InMemoryMachines(reply=Output("out", "err"), console_text="booted\n")
    near = PluggedMachines(tmp_path / "m.sock")
    with plugged(tmp_path / "m.sock", machines):
        near.create(INSTANCE, MODEL)
        assert near.run_command(INSTANCE, ("true",)) == Output("out", "err")
        assert near.console(INSTANCE) == b"booted\n"
        assert near.health(INSTANCE) == "Healthy"
        assert near.address(INSTANCE) == machines.address(INSTANCE)
        near.delete(INSTANCE)
    assert [name for name, _ in machines.calls] == ["create", "run_command", "console", "delete"]


def test_exceptions_are_forwarded(tmp_path: Path) -> None:
    class Broken(InMemoryMachines):
        def create(self, instance: Instance, model: Model) -> None:
            """Fail."""
            message = f"no disk for {instance.name} of size {model.size}"
            raise OSError(message)

    near = PluggedMachines(tmp_path / "m.sock")
    with (
        plugged(tmp_path / "m.sock", Broken()),
        pytest.raises(RuntimeError, match="no disk for bot_0"),
    ):
        near.create(INSTANCE, MODEL)


def test_machines_are_only_recorded_without_the_other_process(tmp_path: Path) -> None:
    near = PluggedMachines(tmp_path / "m.sock")
    near.create(INSTANCE, MODEL)
    assert near.health(INSTANCE) == "Healthy"


def test_health_probe_is_read_from_the_body() -> None:
    assert probe_url(PROFILE) == "http://localhost:18790/health/azure"
    assert probe_url({}) is None


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ('{"ApplicationHealthState": "Healthy"}', "Healthy"),
        ('{"ApplicationHealthState": "Unhealthy"}', "Unhealthy"),
        ('{"ApplicationHealthState": "Initializing"}', "Unknown"),
        ('{"status": "ok"}', "Unknown"),
        ("", "Unknown"),
    ],
)
def test_health_is_read_like_the_extension_does(answer: str, state: str) -> None:
    assert health_state(answer) == state


def test_machine_is_read_from_the_body() -> None:
    assert machine_of("Standard_B2als_v2") == (2, 4096)
    assert machine_name("Clawbot_000000") == "clawbot-000000"


def test_server_stops_when_its_socket_was_deleted(tmp_path: Path) -> None:
    """As when the bench is removed: no client can wake the accept call."""

    def use() -> None:
        with plugged(tmp_path / "plug", InMemoryMachines()):
            (tmp_path / "plug").unlink()

    user = threading.Thread(target=use, daemon=True)
    user.start()
    user.join(10)
    assert not user.is_alive()
