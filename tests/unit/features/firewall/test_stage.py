"""Plans and actions of the stage firewall."""

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
    "block containers from the metadata service",
    "block containers from the wire server (port 80)",
    "block containers from the wire server (port 32526)",
]
TABLE: dict[str, tuple[tuple[str, ...] | None, list[str]]] = {
    "no engine yet": (None, ALL),
    "as created by Docker": ((NEW, BACK), ALL),
    "as created by a newer Docker, empty": ((NEW,), ALL),
    "converged": ((NEW, *OURS, BACK), []),
    "in another order": ((NEW, METADATA, WIRE_80, WIRE_32526), []),
    "one rule missing": ((NEW, WIRE_32526, METADATA), [ALL[1]]),
    "after a RETURN": ((NEW, BACK, *OURS), ALL),
    "after an ACCEPT of everything": ((NEW, "-A DOCKER-USER -j ACCEPT", *OURS), ALL),
    "exception of the operator for one container": ((NEW, EXCEPTION, *OURS, BACK), []),
    "rule for another address": ((NEW, METADATA.replace("169.254/32", "169.253/32")), ALL),
}


@pytest.mark.parametrize("case", TABLE)
def test_plan(case: str) -> None:
    rules, summaries = TABLE[case]
    plan = FirewallStage().plan(FirewallFacts(rules), CONFIG)
    assert [action.summary for action in plan.actions] == summaries
    assert plan.reason


def test_inserted_rules_are_recognized_by_the_next_plan() -> None:
    """Otherwise every run would insert them again."""
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
def test_absent_program_or_chain_is_not_an_error(absent: str) -> None:
    run = FakeRun()
    if absent == "program":
        run.fail(*LIST, error=CommandMissingError("iptables"))
    else:
        run.answer(*LIST, returncode=1, stderr="iptables: No chain/target/match by that name.")
    assert FirewallStage().probe(fake_host(run=run), CONFIG) == FirewallFacts(None)


def test_refused_rule_is_reported_with_the_output_of_iptables() -> None:
    run = FakeRun()
    run.answer(*INSERT, returncode=1, stderr="No chain/target/match by that name.\n")
    action = FirewallStage().plan(FirewallFacts(None), CONFIG).actions[0]
    with pytest.raises(FirewallRefusedError, match="the metadata service: No chain") as caught:
        action.apply(fake_host(run=run))
    assert caught.value.retryable
