"""The planner of the stage firewall, as a table of a chain's rules and summaries."""

import pytest

from clawbot_agent.features.firewall.stage import FirewallFacts, FirewallRefusedError, FirewallStage
from clawbot_agent.host.commands import CommandMissingError
from tests.fakes.config import a_config
from tests.fakes.host import fake_host
from tests.fakes.run import FakeRun

CONFIG = a_config()
LIST = ("iptables", "--wait", "10", "-S", "DOCKER-USER")
INSERT = ("iptables", "--wait", "10", "-I", "DOCKER-USER")
NEW = "-N DOCKER-USER"
BACK = "-A DOCKER-USER -j RETURN"
REJECT = "-j REJECT --reject-with icmp-port-unreachable"
METADATA = f"-A DOCKER-USER -d 169.254.169.254/32 {REJECT}"
WIRE_80 = f"-A DOCKER-USER -d 168.63.129.16/32 -p tcp -m tcp --dport 80 {REJECT}"
WIRE_32526 = f"-A DOCKER-USER -d 168.63.129.16/32 -p tcp -m tcp --dport 32526 {REJECT}"
OURS = (WIRE_32526, WIRE_80, METADATA)
EXCEPTION = "-A DOCKER-USER -s 172.20.0.9/32 -d 169.254.169.254/32 -j ACCEPT"
ALL = [
    "refuse the metadata service to containers",
    "refuse the wire server, port 80 to containers",
    "refuse the wire server, port 32526 to containers",
]
TABLE: dict[str, tuple[tuple[str, ...] | None, list[str]]] = {
    "no engine yet": (None, ALL),
    "as Docker makes it": ((NEW, BACK), ALL),
    "a newer Docker's, which is empty": ((NEW,), ALL),
    "as it should be": ((NEW, *OURS, BACK), []),
    "in another order": ((NEW, METADATA, WIRE_80, WIRE_32526), []),
    "one is gone": ((NEW, WIRE_32526, METADATA), [ALL[1]]),
    "never reached": ((NEW, BACK, *OURS), ALL),
    "all else is let through first": ((NEW, "-A DOCKER-USER -j ACCEPT", *OURS), ALL),
    "somebody's exception for one container": ((NEW, EXCEPTION, *OURS, BACK), []),
    "only for another address": ((NEW, METADATA.replace("169.254/32", "169.253/32")), ALL),
}


@pytest.mark.parametrize("case", TABLE)
def test_plan(case: str) -> None:
    rules, summaries = TABLE[case]
    plan = FirewallStage().plan(FirewallFacts(rules), CONFIG)
    assert [action.summary for action in plan.actions] == summaries
    assert plan.reason


def test_what_is_inserted_is_what_is_looked_for() -> None:
    """Else every run would insert it again."""
    run = FakeRun()
    run.answer(*LIST, stdout=f"{NEW}\n{BACK}\n")
    run.answer(*INSERT)
    host = fake_host(run=run)
    for action in FirewallStage().look(host, CONFIG).actions:
        action.apply(host)
    inserted = [
        call.argv[len(INSERT) :] for call in run.calls if call.argv[: len(INSERT)] == INSERT
    ]
    chain = (NEW, *(f"-A DOCKER-USER {' '.join(rule)}" for rule in reversed(inserted)), BACK)
    assert FirewallStage().plan(FirewallFacts(chain), CONFIG).empty


@pytest.mark.parametrize("absent", ["program", "chain"])
def test_what_is_not_there_yet_is_no_error(absent: str) -> None:
    run = FakeRun()
    if absent == "program":
        run.fail(*LIST, error=CommandMissingError("iptables"))
    else:
        run.answer(*LIST, returncode=1, stderr="iptables: No chain/target/match by that name.")
    assert FirewallStage().probe(fake_host(run=run), CONFIG) == FirewallFacts(None)


def test_a_refused_rule_is_told_with_what_iptables_says() -> None:
    run = FakeRun()
    run.answer(*INSERT, returncode=1, stderr="No chain/target/match by that name.\n")
    action = FirewallStage().plan(FirewallFacts(None), CONFIG).actions[0]
    with pytest.raises(FirewallRefusedError, match="the metadata service: No chain") as caught:
        action.apply(fake_host(run=run))
    assert caught.value.retryable
