"""Several instances on one bench: each receives its own metadata."""

from collections.abc import Iterator

import pytest

from tests.bench.azure.control import ControlError
from tests.contract.bench_azure.conftest import Azure

_COMPUTE = "http://169.254.169.254/metadata/instance/compute?api-version=2021-08-01"
_WIRE = "http://168.63.129.16/machine"
_INSTANCE = {"name": "vm_7", "vm_id": "0000-7", "hostname": "seven", "mac": "000D3A610307"}
_HERE = "127.0.0.1"


@pytest.fixture
def known(azure: Azure) -> Iterator[Azure]:
    azure.control.set("imds", instances={_HERE: _INSTANCE})
    azure.control.set("wireserver", instances={_HERE: {"name": "vm_7"}})
    yield azure
    for service in ("imds", "wireserver"):
        azure.control.set(service, instances={_HERE: None})


def test_metadata_are_those_of_the_requesting_instance(known: Azure) -> None:
    known.control.reset()
    compute = known.ask(_COMPUTE, Metadata="true").json
    assert (compute["vmId"], compute["name"]) == ("0000-7", "vm_7")
    assert compute["osProfile"]["computerName"] == "seven"
    known.control.set("imds", instances={_HERE: None})
    assert known.ask(_COMPUTE, Metadata="true").json["vmId"] != "0000-7"


def test_metadata_contain_the_scale_sets_resource_group(known: Azure) -> None:
    """The agent uses this group to list the storage account's keys."""
    place = {"group": "clawbots", "scale_set": "my-bot"}
    known.control.set("imds", instances={_HERE: _INSTANCE | place})
    compute = known.ask(_COMPUTE, Metadata="true").json
    assert (compute["resourceGroupName"], compute["vmScaleSetName"]) == ("clawbots", "my-bot")
    assert "/resourceGroups/clawbots/" in compute["resourceId"]
    assert compute["virtualMachineScaleSet"]["id"].endswith("/virtualMachineScaleSets/my-bot")


def test_goal_state_and_health_report_belong_to_the_requesting_instance(known: Azure) -> None:
    state = known.ask(f"{_WIRE}/?comp=goalstate").body.decode()
    assert "<InstanceId>vm_7</InstanceId>" in state
    body = "<Health><State>NotReady</State><Description>no\nnet</Description></Health>"
    assert known.ask(f"{_WIRE}?comp=health", method="POST", body=body).status == 200
    report = known.control.get("wireserver")["health"][-1]
    assert (report["client"], report["state"]) == (_HERE, "NotReady")
    assert report["description"] == "no\nnet"


def test_incomplete_instance_is_refused(azure: Azure) -> None:
    with pytest.raises(ControlError, match="must be null or a mapping"):
        azure.control.set("imds", instances={_HERE: {"name": "x"}})
