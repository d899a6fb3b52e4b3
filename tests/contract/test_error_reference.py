"""The pages of error codes say what the code says."""

import pytest

from clawbot_agent.core.errors import ClawbotError, FailureCause
from tests.support.error_reference import PAGES, Page, classes, text_of
from tests.support.error_refs import error_refs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.package)
def test_the_page_is_the_one_made_from_the_classes(page: Page) -> None:
    assert page.path.read_text() == text_of(page)


def everything() -> list[type[ClawbotError]]:
    return [cls for page in PAGES for cls in classes(page.package)]


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    for cls in everything():
        assert cls.code == cls.code.upper()
        assert cls.__doc__
        assert cls.hint


def test_a_code_belongs_to_one_cause() -> None:
    """Two classes share a code only when one is the other, waited for differently."""
    found = everything()
    for one in found:
        for other in found:
            related = issubclass(one, other) or issubclass(other, one)
            assert related or one.code != other.code


def test_of_each_error_it_is_known_whether_a_new_instance_helps() -> None:
    """The base class has a default for defects; every error of the agent states its own cause."""
    assert [cls.code for cls in classes() if not any("cause" in k.__dict__ for k in own(cls))] == []


def own(cls: type[ClawbotError]) -> list[type]:
    """The class and those above it, without the base of all."""
    return [kind for kind in cls.__mro__ if kind.__module__.startswith("clawbot_agent")][:-1]


@pytest.mark.parametrize(
    ("code", "helps"),
    [
        # a wrong configuration, a missing role, a wrong secret
        ("OPENCLAW_FRAGMENT_INVALID", False),
        ("GATEWAY_CONFIG_REFUSED", False),
        ("KEYVAULT_FORBIDDEN", False),
        ("SHARE_ROLE_MISSING", False),
        ("KEYVAULT_SECRET_NOT_FOUND", False),
        ("GATEWAY_TOKEN_WEAK", False),
        # the next instance has the same services, bot data and rivals
        ("SHARE_SERVER_UNREACHABLE", False),
        ("REGISTRY_UNAVAILABLE", False),
        ("STATE_IMAGE_DAMAGED", False),
        ("LEASE_HELD", False),
        # here a replacement would lose what it is to save
        ("STATE_WOULD_BE_HIDDEN", False),
        ("DOCKER_UNAVAILABLE", True),
        ("STATE_IN_USE", True),
        ("UNEXPECTED", True),
    ],
)
def test_whether_a_replacement_helps(code: str, *, helps: bool) -> None:
    (error,) = error_refs(code)
    assert error.cause.replacement_helps is helps


def test_an_unknown_cause_is_uncertain() -> None:
    """A status of a newer agent must not end the sidecar."""
    assert FailureCause("weather") is FailureCause.UNCERTAIN
