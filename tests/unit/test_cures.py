import pytest

from clawbot_agent.core.failure_cause import _TABLE, CAUSES, Cause, cause_of, replacing_helps


@pytest.mark.parametrize(
    ("code", "helps"),
    [
        # bad config, missing role, wrong secret
        ("OPENCLAW_FRAGMENT_INVALID", False),
        ("GATEWAY_CONFIG_REFUSED", False),
        ("KEYVAULT_FORBIDDEN", False),
        ("SHARE_ROLE_MISSING", False),
        ("KEYVAULT_SECRET_NOT_FOUND", False),
        ("GATEWAY_TOKEN_WEAK", False),
        # the next one has the same services, memory and rivals
        ("SHARE_SERVER_AWAY", False),
        ("REGISTRY_UNAVAILABLE", False),
        ("STATE_IMAGE_DAMAGED", False),
        ("LEASE_HELD", False),
        # here a replacement would lose what it is asked to save
        ("STATE_WOULD_BE_HIDDEN", False),
        ("DOCKER_UNAVAILABLE", True),
        ("STATE_IN_USE", True),
        ("UNEXPECTED", True),
    ],
)
def test_whether_a_new_instance_helps(code: str, *, helps: bool) -> None:
    assert replacing_helps(code) is helps


def test_of_an_unknown_code_nobody_knows() -> None:
    """A status of a newer agent must not end the sidecar."""
    assert cause_of("FROM_A_LATER_RELEASE") is Cause.UNCERTAIN


def test_a_code_has_one_cause() -> None:
    assert sum(len(codes.split()) for codes in _TABLE.values()) == len(CAUSES)
