"""stop, start, reimage, status, endpoint, logs and destroy with the fake Azure."""

import json
from dataclasses import replace

import pytest

from clawbot_controller.azure.errors import ForbiddenError, OperationTimeoutError
from clawbot_controller.errors import NotDeployedError, ShareInUseError
from clawbot_controller.operations.context import context_of
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.observe import endpoints, logs_of, status_of
from clawbot_controller.operations.power import reimage, start, stop, stop_to_zero
from tests.bench.arm.faults import FaultKind
from tests.bench.arm.machines import Output
from tests.contract.controller.conftest import FakeAzure

_DONE = {"run_command", "reimage"}
MODES = pytest.mark.parametrize("mode", ["uniform", "flexible"])


@MODES
def test_stop_deallocates_and_start_restores(azure: FakeAzure, mode: str) -> None:
    bot = azure.bot(orchestration=mode)
    azure.up(bot)
    address = endpoints(bot)
    stop(bot)
    stopped = status_of(bot)
    assert (stopped.instances[0].power, stopped.repairs_suspended) == ("deallocated", True)
    assert not stopped.serves
    assert endpoints(bot) == address
    before = len(azure.arm.requests)
    stop(bot)
    assert azure.writes(before) == []
    start(bot)
    found = status_of(bot)
    assert (found.instances[0].power, found.repairs_suspended) == ("running", False)
    assert endpoints(bot) == address


def test_stop_to_zero_deletes_instance_and_keeps_share(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    stop_to_zero(bot)
    found = status_of(bot)
    assert (found.capacity, found.instances, found.addresses) == (0, (), ())
    assert bot.arm.get(bot.names.share_id) is not None
    assert any("the address is released" in line for line in azure.lines)
    with pytest.raises(NotDeployedError):
        endpoints(bot)
    start(bot)
    assert len(status_of(bot).instances) == 1


def test_status_shows_health_and_address(azure: FakeAzure) -> None:
    bot = azure.bot()
    assert list(status_of(bot).lines()) == ["not deployed"]
    azure.up(bot)
    found = status_of(bot)
    assert found.serves
    assert found.state == "Succeeded"
    lines = "\n".join(found.lines())
    assert "instance 0: running, healthy" in lines
    assert f"address {found.addresses[0]}" in lines


@MODES
def test_status_shows_progress_of_agent_during_boot(azure: FakeAzure, mode: str) -> None:
    bot = azure.bot(orchestration=mode)
    azure.up(bot)
    azure.machines.state = "Initializing"
    azure.machines.custom_metrics = json.dumps(
        {"situation": "starting", "percent": 40, "stage": "image", "code": ""}
    )
    found = status_of(bot)
    assert "agent: situation starting, percent 40, stage image" in list(found.lines())
    assert (found.instances[0].health, found.serves) == ("initializing", False)


def test_bot_with_replacement_suspended_is_not_serving(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    azure.machines.custom_metrics = json.dumps(
        {"situation": "replacement-suspended", "code": "KEYVAULT_FORBIDDEN"}
    )
    found = status_of(bot)
    assert (found.instances[0].health, found.serves) == ("healthy", False)
    assert "replacement suspended: a new instance would fail in the same way" in list(found.lines())
    azure.machines.custom_metrics = json.dumps({"situation": "serving"})
    assert status_of(bot).serves
    # invalid JSON is ignored
    azure.machines.custom_metrics = "[1"
    assert status_of(bot).instances[0].progress == {}


@MODES
def test_logs_are_read_by_run_command_and_from_console(azure: FakeAzure, mode: str) -> None:
    bot = azure.bot(orchestration=mode)
    with pytest.raises(NotDeployedError):
        logs_of(bot, "status")
    azure.up(bot)
    logs_of(bot, "agent")
    sent = [one for one in azure.arm.requests if one.path.endswith("/runCommand")]
    assert sent[-1].json["script"] == ["/usr/local/bin/clawbot-agent logs agent --lines 40"]
    assert "ttyS0" in logs_of(bot, "console")


def test_endpoint_of_domain_includes_dns_record(azure: FakeAzure) -> None:
    bot = azure.bot(bot={"caddy": {"domain": "bot.example.org"}})
    azure.up(bot)
    url, record = endpoints(bot)
    assert (url, record.rpartition(" ")[0]) == ("https://bot.example.org", "bot.example.org A")


def test_azure_dns_name_needs_a_cname_record(azure: FakeAzure) -> None:
    bot = azure.bot(dns_label="my-label", bot={"caddy": {"domain": "bot.example.org"}})
    azure.up(bot)
    _url, *records = endpoints(bot)
    assert [one.split()[1] for one in records] == ["A", "CNAME"]


def test_logs_of_stopped_instance_are_refused(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    stop(bot)
    with pytest.raises(NotDeployedError, match="is stopped") as caught:
        logs_of(bot, "agent")
    assert "'clawbot-controller start'" in caught.value.hint
    assert "ttyS0" in logs_of(bot, "console")


def test_reimage_refuses_edit_that_up_refuses(azure: FakeAzure) -> None:
    """In a flexible set, where a reimage applies the file's custom data."""
    azure.up(azure.bot(orchestration="flexible"))
    bot = azure.bot(orchestration="flexible", bot={"share": {"auth": "managed-identity"}})
    with pytest.raises(ShareInUseError):
        reimage(bot)
    assert not [what for what, _name in azure.machines.calls if what in _DONE]


def test_reimage_with_unknown_outcome_is_not_repeated(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    fault = azure.arm.faults.add("reset-after", method="POST", path="reimage")
    with pytest.raises(Exception, match="it may have begun"):
        reimage(bot)
    assert fault.hits == 1
    assert len([one for one in azure.writes() if one.endswith("/reimage")]) == 1


@MODES
def test_instance_shuts_down_in_order_before_reimage(azure: FakeAzure, mode: str) -> None:
    """By a single Run Command."""
    bot = azure.bot(orchestration=mode)
    azure.up(bot)
    azure.machines.reply = Output("leaving\ndraining\nleft\nCLAWBOT-HAS-LEFT\n")
    before = len(azure.machines.calls)
    reimage(bot)
    done = [what for what, _name in azure.machines.calls[before:] if what in _DONE]
    assert done == ["run_command", "reimage"]
    sent = [one for one in azure.arm.requests if one.path.endswith("/runCommand")]
    assert "clawbot-agent leave --minutes 30" in sent[-1].json["script"][0]
    assert not any("did not shut down in order" in line for line in azure.lines)


@MODES
@pytest.mark.parametrize(
    ("output", "reported"),
    [
        (
            Output("draining\nLEAVE_UNSAFE: still mounted\nnext: look\n"),
            "LEAVE_UNSAFE: still mounted",
        ),
        (Output("", "sh: 1: clawbot-agent: not found\n"), "sh: 1: clawbot-agent: not found"),
        (Output("echo CLAWBOT-HAS-LEFT\n"), "echo CLAWBOT-HAS-LEFT"),
    ],
    ids=["unsafe", "no agent", "an echo of the script"],
)
def test_instance_is_reimaged_when_shutdown_fails(
    azure: FakeAzure, mode: str, output: Output, reported: str
) -> None:
    """A broken instance is a common reason for a reimage."""
    bot = azure.bot(orchestration=mode)
    azure.up(bot)
    azure.machines.reply = output
    reimage(bot)
    assert any(f"did not shut down in order: {reported};" in line for line in azure.lines)
    assert azure.machines.calls[-1][0] in {"reimage", "health", "metrics"}
    assert "reimage" in [what for what, _name in azure.machines.calls]


def test_instance_is_reimaged_when_run_command_is_refused(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    fault = azure.arm.faults.add(FaultKind.FORBIDDEN, method="POST", path="runCommand")
    reimage(bot)
    assert fault.hits >= 1
    assert "reimage" in [what for what, _name in azure.machines.calls]


def test_leave_request_is_canceled_when_reimage_is_refused(azure: FakeAzure) -> None:
    """Otherwise the bot would not run for up to 30 min."""
    bot = azure.bot()
    azure.up(bot)
    azure.machines.reply = Output("left\nCLAWBOT-HAS-LEFT\n")
    azure.arm.faults.add(FaultKind.FORBIDDEN, method="POST", path="/reimage", times=99)
    with pytest.raises(ForbiddenError):
        reimage(bot)
    scripts = [one.json["script"][0] for one in azure.arm.requests if "runCommand" in one.path]
    assert [("--cancel" in script) for script in scripts] == [False, True]


def test_leave_request_is_kept_when_reimage_may_have_begun(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    azure.machines.reply = Output("left\nCLAWBOT-HAS-LEFT\n")
    azure.arm.faults.add("reset-after", method="POST", path="/reimage")
    with pytest.raises(OperationTimeoutError):
        reimage(bot)
    scripts = [one.json["script"][0] for one in azure.arm.requests if "runCommand" in one.path]
    assert len(scripts) == 1
    assert "starts the bot again within 30 min, unless it is reimaged" in azure.lines[-1]


def test_outdated_instance_is_updated_before_shutdown(azure: FakeAzure) -> None:
    """Azure may restart it for the update, and the bot would run again during the reimage."""
    azure.up(azure.bot())
    bot = azure.bot(tier="performance")
    azure.up(bot)
    before = len(azure.arm.requests)
    reimage(bot)
    done = [one.rpartition("/")[2] for one in azure.writes(before)]
    assert done == ["manualupgrade", "runCommand", "reimage"]


@pytest.mark.parametrize("kind", ["429", "401", "404", "503"])
def test_accepted_reimage_is_not_repeated_when_poll_fails(azure: FakeAzure, kind: str) -> None:
    """A second reimage would interrupt the first boot."""
    bot = azure.bot()
    azure.up(bot)
    fault = azure.arm.faults.add(kind, method="GET", path="/operations/")
    with pytest.raises(OperationTimeoutError, match="it may have begun") as caught:
        reimage(bot, now=True)
    assert fault.hits == 1
    assert "before you run the command again" in caught.value.hint
    assert [one for one in azure.writes() if one.endswith("/reimage")] == ["POST 0/reimage"]


def test_wait_for_busy_instance_is_limited_to_10_minutes(azure: FakeAzure) -> None:
    """Azure runs one command at a time, and another one hangs."""
    slept: list[float] = []
    made = azure.bot()
    azure.up(made)
    cloud = replace(made.cloud, sleep=slept.append)
    bot = context_of(made.deployment, cloud, azure.lines.append)
    azure.arm.faults.add(FaultKind.CONFLICT, method="POST", path="runCommand", times=10_000)
    slept.clear()
    reimage(bot)
    assert 300 < sum(slept) <= 600
    assert any("did not shut down in order" in line for line in azure.lines)


@pytest.mark.parametrize("repair", ["none", "reimage"])
def test_stop_suspends_repairs_that_are_enabled_in_azure(azure: FakeAzure, repair: str) -> None:
    """Independent of the file, which has been edited since."""
    other = {"none": "reimage", "reimage": "none"}[repair]
    azure.up(azure.bot(repair=other))
    bot = azure.bot(repair=repair)
    stop(bot)
    found = status_of(bot)
    assert found.instances[0].power == "deallocated"
    assert found.repairs_suspended is (other == "reimage")


def test_reimage_now_skips_shutdown(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    reimage(bot, now=True)
    assert "run_command" not in [what for what, _name in azure.machines.calls]


def test_stopped_instance_is_reimaged_without_shutdown(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    stop(bot)
    reimage(bot)
    assert "run_command" not in [what for what, _name in azure.machines.calls]


def test_reimage_applies_new_configuration_in_flexible_set(azure: FakeAzure) -> None:
    azure.up(azure.bot(orchestration="flexible"))
    bot = azure.bot(orchestration="flexible", bot={"caddy": {"domain": "bot.example.org"}})
    azure.up(bot)
    assert any("run 'reimage' for new custom data" in line for line in azure.lines)
    reimage(bot)
    machine = azure.arm.world.of_type("Microsoft.Compute/virtualMachines")[0]
    assert b"bot.example.org" in machine.private["model"].custom_data


def test_destroy_keeps_bot_data_and_up_uses_it_again(azure: FakeAzure) -> None:
    bot = azure.bot(address="prefix")
    azure.up(bot)
    token = azure.arm.secrets(bot.shared.vault)
    destroy(bot, delete_data=False)
    left = azure.arm.resources()
    billed = ("virtualMachineScaleSets", "publicIPPrefixes", "publicIPAddresses", "disks")
    assert not [one for one in left if any(kind in one for kind in billed)]
    assert bot.names.share_id in left
    assert not [one for one in left if one.startswith(f"{bot.names.account_id}/providers")]
    azure.up(bot)
    assert azure.arm.secrets(bot.shared.vault) == token


def test_destroy_with_data_deletes_everything(azure: FakeAzure) -> None:
    bot = azure.bot(address="prefix")
    azure.up(bot)
    azure.destroy_all(bot)
    assert azure.arm.resources() == []
    assert azure.arm.deleted_vaults() == []
    # again, with nothing left
    azure.destroy_all(bot)


def test_shared_resources_are_deleted_with_last_bot(azure: FakeAzure) -> None:
    one, other = azure.bot("one-bot"), azure.bot("other-bot")
    azure.up(one)
    azure.up(other)
    azure.destroy_all(one)
    assert "network and vault are kept" in azure.lines[-1]
    assert set(azure.arm.secrets(one.shared.vault)) == {"other-bot-gateway-token"}
    before = len(azure.arm.requests)
    azure.up(other)
    assert azure.writes(before) == []
    azure.destroy_all(other)
    assert azure.arm.resources() == []


def test_existing_resource_group_is_kept(azure: FakeAzure) -> None:
    bot = azure.bot()
    bot.arm.put(bot.names.place.id, {"location": "westeurope"})
    azure.up(bot)
    azure.destroy_all(bot)
    assert azure.arm.resources() == [bot.names.place.id]


def test_destroy_succeeds_without_right_to_purge(azure: FakeAzure) -> None:
    bot = azure.bot()
    azure.up(bot)
    azure.arm.knobs.change({"denied": ["*/purge/action"]})
    destroy(bot, delete_data=True)
    destroy_shared([bot])
    assert azure.arm.deleted_vaults() == [bot.shared.vault]
    assert any("you may not purge it" in line for line in azure.lines)
    azure.arm.knobs.change({"denied": []})
    azure.up(bot)
    azure.arm.knobs.change({"denied": ["*scalesets/delete"]})
    with pytest.raises(ForbiddenError):
        destroy(bot, delete_data=False)
