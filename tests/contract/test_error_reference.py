"""The pages of error codes say what the code says."""

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.core.failure_cause import CAUSES
from tests.support.error_reference import PAGES, Page, classes, text_of


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
    """A code that is new has to be put into the table of `cures`."""
    assert {cls.code for cls in classes()} == set(CAUSES)
