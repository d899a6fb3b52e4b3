"""Stop, start, reimage, status, endpoint, logs, destroy: as Azure and the operator see them."""

import json
from dataclasses import replace

import pytest

from clawbot_controller.azure.errors import ForbiddenError, OperationTimeoutError
from clawbot_controller.errors import NotDeployedError, ShareInUseError
from clawbot_controller.operations.destroy import destroy, destroy_shared
from clawbot_controller.operations.logs import logs_of
from clawbot_controller.operations.power import reimage, start, stop, to_zero
from clawbot_controller.operations.site import site_of
from clawbot_controller.operations.status import endpoints, status_of
from tests.bench.arm.faults import FaultKind
from tests.bench.arm.machines import Output
from tests.contract.controller.conftest import Ground

_DONE = {"run_command", "reimage"}
MODES = pytest.mark.parametrize("mode", ["uniform", "flexible"])


@MODES
def test_stop_and_start(ground: Ground, mode: str) -> None:
    site = ground.site(orchestration=mode)
    ground.up(site)
    address = endpoints(site)
    stop(site)
    stopped = status_of(site)
    assert (stopped.instances[0].power, stopped.repairs_suspended) == ("deallocated", True)
    assert not stopped.good
    assert endpoints(site) == address
    before = len(ground.arm.requests)
    stop(site)
    assert ground.writes(before) == []
    start(site)
    found = status_of(site)
    assert (found.instances[0].power, found.repairs_suspended) == ("running", False)
    assert endpoints(site) == address


def test_to_zero_takes_the_instance_and_leaves_the_memory(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    to_zero(site)
    found = status_of(site)
    assert (found.capacity, found.instances, found.addresses) == (0, (), ())
    assert site.arm.get(site.names.share_id) is not None
    assert any("its address is given back" in line for line in ground.told)
    with pytest.raises(NotDeployedError):
        endpoints(site)
    start(site)
    assert len(status_of(site).instances) == 1


def test_status_shows_what_the_agent_says(ground: Ground) -> None:
    site = ground.site()
    assert list(status_of(site).lines()) == ["not deployed"]
    ground.up(site)
    found = status_of(site)
    assert found.good
    assert found.state == "Succeeded"
    lines = "\n".join(found.lines())
    assert "instance 0: running, healthy" in lines
    assert f"address {found.addresses[0]}" in lines


@MODES
def test_status_shows_the_agents_progress_while_it_boots(ground: Ground, mode: str) -> None:
    site = ground.site(orchestration=mode)
    ground.up(site)
    ground.machines.state = "Initializing"
    ground.machines.custom_metrics = json.dumps(
        {"situation": "starting", "percent": 40, "stage": "image", "code": ""}
    )
    found = status_of(site)
    assert "agent: situation starting, percent 40, stage image" in list(found.lines())
    assert (found.instances[0].health, found.good) == ("initializing", False)


def test_a_bot_that_azure_leaves_alone_is_not_good_for_that(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    ground.machines.custom_metrics = json.dumps(
        {"situation": "replacement-suspended", "code": "KEYVAULT_FORBIDDEN"}
    )
    found = status_of(site)
    assert (found.instances[0].health, found.good) == ("healthy", False)
    assert "it does not serve, and a new instance would not either" in list(found.lines())
    ground.machines.custom_metrics = json.dumps({"situation": "serving"})
    assert status_of(site).good
    # what is no object is not shown, and nobody fails over it
    ground.machines.custom_metrics = "[1"
    assert status_of(site).instances[0].progress == {}


@MODES
def test_logs_by_run_command_and_console(ground: Ground, mode: str) -> None:
    site = ground.site(orchestration=mode)
    with pytest.raises(NotDeployedError):
        logs_of(site, "status")
    ground.up(site)
    logs_of(site, "agent")
    sent = [one for one in ground.arm.requests if one.path.endswith("/runCommand")]
    assert sent[-1].json["script"] == ["/usr/local/bin/clawbot-agent logs agent --lines 40"]
    assert "ttyS0" in logs_of(site, "console")


def test_a_domain_is_told_with_the_record_it_needs(ground: Ground) -> None:
    site = ground.site(bot={"caddy": {"domain": "bot.example.org"}})
    ground.up(site)
    url, record = endpoints(site)
    assert (url, record.rpartition(" ")[0]) == ("https://bot.example.org", "bot.example.org A")


def test_a_name_of_azures_is_no_a_record(ground: Ground) -> None:
    site = ground.site(dns_label="my-label", bot={"caddy": {"domain": "bot.example.org"}})
    ground.up(site)
    _url, *records = endpoints(site)
    assert [one.split()[1] for one in records] == ["A", "CNAME"]


def test_a_stopped_instance_says_nothing(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    stop(site)
    with pytest.raises(NotDeployedError, match="is stopped") as caught:
        logs_of(site, "agent")
    assert "'start'" in caught.value.hint
    assert "ttyS0" in logs_of(site, "console")


def test_a_flexible_instance_does_not_lose_its_share_by_a_reimage(ground: Ground) -> None:
    """What 'up' refused is not done through this door."""
    ground.up(ground.site(orchestration="flexible"))
    site = ground.site(orchestration="flexible", bot={"share": {"auth": "managed-identity"}})
    with pytest.raises(ShareInUseError):
        reimage(site)
    assert not [what for what, _name in ground.machines.calls if what in _DONE]


def test_a_reimage_that_may_have_begun_is_not_asked_for_twice(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    fault = ground.arm.faults.add("reset-after", method="POST", path="reimage")
    with pytest.raises(Exception, match="it may have begun"):
        reimage(site)
    assert fault.hits == 1
    assert len([one for one in ground.writes() if one.endswith("/reimage")]) == 1


@MODES
def test_an_instance_leaves_in_order_before_its_disk_is_taken(ground: Ground, mode: str) -> None:
    """It is asked by Run Command, and does not need to be told a second time."""
    site = ground.site(orchestration=mode)
    ground.up(site)
    ground.machines.reply = Output("leaving\ndraining\nleft\nCLAWBOT-HAS-LEFT\n")
    before = len(ground.machines.calls)
    reimage(site)
    done = [what for what, _name in ground.machines.calls[before:] if what in _DONE]
    assert done == ["run_command", "reimage"]
    sent = [one for one in ground.arm.requests if one.path.endswith("/runCommand")]
    assert "clawbot-agent leave --minutes 30" in sent[-1].json["script"][0]
    assert not any("did not leave in order" in line for line in ground.told)


@MODES
@pytest.mark.parametrize(
    ("said", "told"),
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
def test_one_that_does_not_is_reimaged_all_the_same(
    ground: Ground, mode: str, said: Output, told: str
) -> None:
    """Who reimages often does so because the instance is broken."""
    site = ground.site(orchestration=mode)
    ground.up(site)
    ground.machines.reply = said
    reimage(site)
    assert any(f"did not leave in order: {told};" in line for line in ground.told)
    assert ground.machines.calls[-1][0] in {"reimage", "health", "metrics"}
    assert "reimage" in [what for what, _name in ground.machines.calls]


def test_a_refused_command_is_no_reason_not_to_reimage(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    fault = ground.arm.faults.add(FaultKind.FORBIDDEN, method="POST", path="runCommand")
    reimage(site)
    assert fault.hits >= 1
    assert "reimage" in [what for what, _name in ground.machines.calls]


def test_who_is_not_reimaged_is_called_back(ground: Ground) -> None:
    """It has left in order, and nobody else could bring it back for half an hour."""
    site = ground.site()
    ground.up(site)
    ground.machines.reply = Output("left\nCLAWBOT-HAS-LEFT\n")
    ground.arm.faults.add(FaultKind.FORBIDDEN, method="POST", path="/reimage", times=99)
    with pytest.raises(ForbiddenError):
        reimage(site)
    scripts = [one.json["script"][0] for one in ground.arm.requests if "runCommand" in one.path]
    assert [("--cancel" in script) for script in scripts] == [False, True]


def test_who_may_be_reimaged_is_not_called_back(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    ground.machines.reply = Output("left\nCLAWBOT-HAS-LEFT\n")
    ground.arm.faults.add("reset-after", method="POST", path="/reimage")
    with pytest.raises(OperationTimeoutError):
        reimage(site)
    scripts = [one.json["script"][0] for one in ground.arm.requests if "runCommand" in one.path]
    assert len(scripts) == 1
    assert "serves again within 30 minutes, unless it is reimaged" in ground.told[-1]


def test_an_outdated_instance_is_updated_before_it_leaves(ground: Ground) -> None:
    """Azure may restart it for its new model: then it would serve again when its disk is taken."""
    ground.up(ground.site())
    site = ground.site(tier="performance")
    ground.up(site)
    before = len(ground.arm.requests)
    reimage(site)
    done = [one.rpartition("/")[2] for one in ground.writes(before)]
    assert done == ["manualupgrade", "runCommand", "reimage"]


@pytest.mark.parametrize("kind", ["429", "401", "404", "503"])
def test_a_reimage_that_was_accepted_is_not_asked_for_twice(ground: Ground, kind: str) -> None:
    """A look at it failed. A second one would take the disk of the instance that boots."""
    site = ground.site()
    ground.up(site)
    fault = ground.arm.faults.add(kind, method="GET", path="/operations/")
    with pytest.raises(OperationTimeoutError, match="it may have begun") as caught:
        reimage(site, now=True)
    assert fault.hits == 1
    assert "before you ask for it again" in caught.value.hint
    assert [one for one in ground.writes() if one.endswith("/reimage")] == ["POST 0/reimage"]


def test_an_instance_that_is_busy_is_not_waited_for_longer_than_promised(ground: Ground) -> None:
    """Azure runs one command at a time: somebody's hangs there."""
    slept: list[float] = []
    made = ground.site()
    ground.up(made)
    cloud = replace(made.cloud, sleep=slept.append)
    site = site_of(made.deployment, cloud, ground.told.append)
    ground.arm.faults.add(FaultKind.CONFLICT, method="POST", path="runCommand", times=10_000)
    slept.clear()
    reimage(site)
    assert 300 < sum(slept) <= 600
    assert any("did not leave in order" in line for line in ground.told)


@pytest.mark.parametrize("told", ["none", "reimage"])
def test_repairs_are_suspended_as_azure_has_them(ground: Ground, told: str) -> None:
    """Not as the file has them, which was edited since."""
    other = {"none": "reimage", "reimage": "none"}[told]
    ground.up(ground.site(repair=other))
    site = ground.site(repair=told)
    stop(site)
    found = status_of(site)
    assert found.instances[0].power == "deallocated"
    assert found.repairs_suspended is (other == "reimage")


def test_now_is_now(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    reimage(site, now=True)
    assert "run_command" not in [what for what, _name in ground.machines.calls]


def test_a_stopped_instance_has_nothing_to_leave(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    stop(site)
    reimage(site)
    assert "run_command" not in [what for what, _name in ground.machines.calls]


def test_a_flexible_instance_gets_the_new_configuration_by_a_reimage(ground: Ground) -> None:
    ground.up(ground.site(orchestration="flexible"))
    site = ground.site(orchestration="flexible", bot={"caddy": {"domain": "bot.example.org"}})
    ground.up(site)
    assert any("'reimage' gives the instance new custom data" in line for line in ground.told)
    reimage(site)
    machine = ground.arm.world.of_type("Microsoft.Compute/virtualMachines")[0]
    assert b"bot.example.org" in machine.private["model"].custom_data


def test_destroy_leaves_the_data_and_up_finds_it(ground: Ground) -> None:
    site = ground.site(address="prefix")
    ground.up(site)
    token = ground.arm.secrets(site.shared.vault)
    destroy(site, delete_data=False)
    left = ground.arm.resources()
    billed = ("virtualMachineScaleSets", "publicIPPrefixes", "publicIPAddresses", "disks")
    assert not [one for one in left if any(kind in one for kind in billed)]
    assert site.names.share_id in left
    assert not [one for one in left if one.startswith(f"{site.names.account_id}/providers")]
    ground.up(site)
    assert ground.arm.secrets(site.shared.vault) == token


def test_destroy_with_the_data_leaves_nothing(ground: Ground) -> None:
    site = ground.site(address="prefix")
    ground.up(site)
    ground.destroy_all(site)
    assert ground.arm.resources() == []
    assert ground.arm.deleted_vaults() == []
    # once more, with nothing there
    ground.destroy_all(site)


def test_what_bots_share_goes_with_the_last_one(ground: Ground) -> None:
    one, other = ground.site("one-bot"), ground.site("other-bot")
    ground.up(one)
    ground.up(other)
    ground.destroy_all(one)
    assert "network and vault are kept" in ground.told[-1]
    assert set(ground.arm.secrets(one.shared.vault)) == {"other-bot-gateway-token"}
    before = len(ground.arm.requests)
    ground.up(other)
    assert ground.writes(before) == []
    ground.destroy_all(other)
    assert ground.arm.resources() == []


def test_a_group_that_was_there_before_stays(ground: Ground) -> None:
    site = ground.site()
    site.arm.put(site.names.place.id, {"location": "westeurope"})
    ground.up(site)
    ground.destroy_all(site)
    assert ground.arm.resources() == [site.names.place.id]


def test_who_may_not_purge_is_told_and_done(ground: Ground) -> None:
    site = ground.site()
    ground.up(site)
    ground.arm.knobs.change({"denied": ["*/purge/action"]})
    destroy(site, delete_data=True)
    destroy_shared([site])
    assert ground.arm.deleted_vaults() == [site.shared.vault]
    assert any("you may not purge" in line for line in ground.told)
    ground.arm.knobs.change({"denied": []})
    ground.up(site)
    ground.arm.knobs.change({"denied": ["*scalesets/delete"]})
    with pytest.raises(ForbiddenError):
        destroy(site, delete_data=False)
