import json
import time

import pytest

from tests.bench.azure import CLIENT_ID
from tests.bench.azure.scheduled_events import scheduled_event
from tests.contract.bench_azure.conftest import Azure

INSTANCE = "http://169.254.169.254/metadata/instance"


def test_token_reply_has_only_strings(azure: Azure) -> None:
    answer = azure.token(client_id=CLIENT_ID)
    assert answer.status == 200
    assert all(isinstance(value, str) for value in answer.json.values())
    assert answer.json["token_type"] == "Bearer"  # noqa: S105 - the kind, not a secret
    assert answer.json["client_id"] == CLIENT_ID
    assert answer.json["resource"] == "https://vault.azure.net"
    assert 0 < int(answer.json["expires_on"]) - time.time() <= 86400


def test_token_is_reused_while_it_is_fresh(azure: Azure) -> None:
    first = azure.token().json["access_token"]
    assert azure.token(client_id=CLIENT_ID).json["access_token"] == first
    azure.control.set("imds", revoke=True)
    assert azure.token().json["access_token"] != first


def test_unknown_identity_is_invalid_request(azure: Azure) -> None:
    answer = azure.token(client_id="00000000-0000-0000-0000-000000000000")
    assert answer.status == 400
    assert answer.json == {"error": "invalid_request", "error_description": "Identity not found"}


def test_choice_between_two_identities_is_required(azure: Azure) -> None:
    azure.control.set("imds", identities=[{"client_id": "a"}, {"client_id": "b"}])
    assert azure.token().status == 400
    assert azure.token(client_id="b").json["client_id"] == "b"


def test_unknown_audience_is_refused(azure: Azure) -> None:
    answer = azure.token("https://example.com")
    assert (answer.status, answer.json["error"]) == (400, "invalid_resource")


def test_token_needs_the_metadata_header(azure: Azure) -> None:
    answer = azure.ask("http://169.254.169.254/metadata/identity/oauth2/token?resource=x")
    assert (answer.status, answer.json["error"]) == (400, "bad_request_102")


def test_script_is_consumed_then_normal_answers_resume(azure: Azure) -> None:
    azure.control.set("imds", script=[410, 404, 500])
    assert [azure.token().status for _ in range(4)] == [410, 404, 500, 200]
    recorded = azure.control.requests("imds")
    assert [entry["status"] for entry in recorded] == [410, 404, 500, 200]
    assert recorded[0]["path"] == "/metadata/identity/oauth2/token"


def test_script_does_not_affect_instance_metadata(azure: Azure) -> None:
    azure.control.set("imds", script=[500])
    assert azure.ask(f"{INSTANCE}?api-version=2021-12-13", Metadata="true").status == 200


def test_down_drops_the_connection(azure: Azure) -> None:
    azure.control.set("imds", down=True)
    with pytest.raises(ConnectionError):
        azure.token()


def test_instance_document(azure: Azure) -> None:
    content = azure.ask(f"{INSTANCE}?api-version=2021-12-13", Metadata="true").json
    assert set(content) == {"compute", "network"}
    assert content["compute"]["azEnvironment"] == "AzurePublicCloud"
    assert content["compute"]["storageProfile"]["imageReference"]["offer"] == "ubuntu-24_04-lts"
    address = content["network"]["interface"][0]["ipv4"]["ipAddress"][0]
    assert set(address) == {"privateIpAddress", "publicIpAddress"}


def test_leaf_needs_format_text(azure: Azure) -> None:
    leaf = f"{INSTANCE}/compute/vmSize?api-version=2021-12-13"
    assert azure.ask(leaf, Metadata="true").status == 400
    answer = azure.ask(f"{leaf}&format=text", Metadata="true")
    assert (answer.status, answer.body) == (200, b"Standard_B2als_v2")


def test_inner_node_as_text_lists_its_children(azure: Azure) -> None:
    answer = azure.ask(f"{INSTANCE}?api-version=2021-12-13&format=text", Metadata="true")
    assert answer.body == b"compute/\nnetwork/"


def test_invalid_version_error_lists_newer_ones(azure: Azure) -> None:
    for query in ("", "?api-version=1999-01-01"):
        answer = azure.ask(f"{INSTANCE}{query}", Metadata="true")
        assert answer.status == 400
        assert answer.json["newest-versions"][0] == "2025-04-07"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Metadata": "false"}, {"Metadata": "true", "X_Forwarded_For": "10.0.0.1"}],
    ids=["missing", "false", "forwarded"],
)
def test_header_rules(azure: Azure, headers: dict[str, str]) -> None:
    assert azure.ask(f"{INSTANCE}?api-version=2021-12-13", **headers).status == 400


def test_duplicate_parameters_are_refused(azure: Azure) -> None:
    query = "api-version=2021-12-13&api-version=2021-12-13"
    assert azure.ask(f"{INSTANCE}?{query}", Metadata="true").status == 400


def test_overrides_merge_into_the_document(azure: Azure) -> None:
    azure.control.set("imds", instance={"compute": {"vmId": "other"}})
    content = azure.ask(f"{INSTANCE}/compute?api-version=2021-12-13", Metadata="true").json
    assert (content["vmId"], content["location"]) == ("other", "eastus")


def test_load_balancer_and_scheduled_events(azure: Azure) -> None:
    base = "http://169.254.169.254/metadata"
    balancer = azure.ask(f"{base}/loadbalancer?api-version=2020-10-01", Metadata="true")
    assert balancer.json["loadbalancer"]["publicIpAddresses"][0]["frontendIpAddress"]
    event = {"EventId": "1", "EventType": "Terminate", "EventStatus": "Scheduled"}
    azure.control.set("imds", events=[event])
    events = azure.ask(f"{base}/scheduledevents?api-version=2020-07-01", Metadata="true")
    assert events.json["Events"] == [event]


EVENTS = "http://169.254.169.254/metadata/scheduledevents?api-version=2020-07-01"


def approval(event_id: str) -> str:
    return json.dumps({"StartRequests": [{"EventId": event_id}]})


def test_event_starts_when_approved(azure: Azure) -> None:
    event = scheduled_event("Terminate", "vmss_0", "vmss_1", seconds=300)
    azure.control.set("imds", events=[event])
    before = azure.ask(EVENTS, Metadata="true").json
    assert before["Events"] == [event]
    assert azure.control.get("imds")["started"] == {}
    body = approval(event["EventId"])
    assert azure.ask(EVENTS, method="POST", body=body, Metadata="true").status == 200
    after = azure.ask(EVENTS, Metadata="true").json
    assert after["DocumentIncarnation"] > before["DocumentIncarnation"]
    assert after["Events"] == [{**event, "EventStatus": "Started", "NotBefore": ""}]
    started = azure.control.get("imds")["started"][event["EventId"]]
    assert (started["by"], started["client"]) == ("approval", "127.0.0.1")
    azure.control.set("imds", events=[])
    assert azure.ask(EVENTS, Metadata="true").json["Events"] == []
    assert azure.control.get("imds")["started"] == {}


def test_event_starts_at_not_before(azure: Azure) -> None:
    event = scheduled_event("Preempt", "vmss_0", seconds=-1)
    azure.control.set("imds", events=[event])
    assert azure.ask(EVENTS, Metadata="true").json["Events"][0]["EventStatus"] == "Started"
    assert azure.control.get("imds")["started"][event["EventId"]]["by"] == "time"


@pytest.mark.parametrize("body", ["", "{}", approval("unknown"), '{"StartRequests": []}'])
def test_approval_without_an_event_is_refused(azure: Azure, body: str) -> None:
    azure.control.set("imds", events=[scheduled_event("Reboot", "vmss_0", seconds=300)])
    assert azure.ask(EVENTS, method="POST", body=body, Metadata="true").status == 400
    assert azure.control.get("imds")["started"] == {}


def test_document_is_unchanged_while_its_events_are(azure: Azure) -> None:
    azure.control.set("imds", events=[scheduled_event("Reboot", "vmss_0", seconds=300)])
    first, second = (azure.ask(EVENTS, Metadata="true").body for _ in range(2))
    assert first == second


def test_scheduled_events_have_separate_faults(azure: Azure) -> None:
    azure.control.set("imds", script_events=[410, 429])
    statuses = [azure.ask(EVENTS, Metadata="true").status for _ in range(3)]
    assert statuses == [410, 429, 200]


def test_wire_server_goal_state_and_health(azure: Azure) -> None:
    goal = azure.ask("http://168.63.129.16/machine/?comp=goalstate")
    assert goal.status == 200
    assert b"<ExpectedState>Started</ExpectedState>" in goal.body
    assert azure.ask("http://168.63.129.16/machine?comp=health", method="POST").status == 200
