"""The page of error codes says what the code says."""

from clawbot_agent.cures import CAUSES
from tests.support.error_reference import PAGE, classes, page


def test_the_page_is_the_one_made_from_the_classes() -> None:
    assert PAGE.read_text() == page()


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    for cls in classes():
        assert cls.code == cls.code.upper()
        assert cls.__doc__
        assert cls.hint


def test_a_code_belongs_to_one_cause() -> None:
    """Two classes share a code only when one is the other, waited for differently."""
    found = classes()
    for one in found:
        for other in found:
            related = issubclass(one, other) or issubclass(other, one)
            assert related or one.code != other.code


def test_of_each_error_it_is_known_whether_a_new_instance_helps() -> None:
    """A code that is new has to be put into the table of `cures`."""
    assert {cls.code for cls in classes()} == set(CAUSES)
