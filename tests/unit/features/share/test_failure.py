"""What mount.cifs writes, and which error an operator gets of it."""

from typing import Final

import pytest

from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.features.share.errors import (
    ShareCifsMissingError,
    ShareKeyWrongError,
    ShareMountFailedError,
    ShareNameUnknownError,
    ShareNotFoundError,
    SharePortBlockedError,
    ShareRoleMissingError,
    ShareTicketExpiredError,
    ShareTicketMissingError,
)
from clawbot_agent.features.share.failure import mount_failure
from clawbot_agent.host.network import Reached
from clawbot_agent.host.share_errors import ShareServerAwayError
from tests.fakes import FakeReach
from tests.unit.features.share.conftest import HOST, azure_config

WITH_KEY: Final = azure_config().share.azure_files
WITH_TICKET: Final = azure_config(auth="managed-identity", key_secret=None).share.azure_files
REFER: Final = "; Refer to the mount.cifs(8) manual page (e.g. man mount.cifs)"
NO_NAME: Final = f"mount error: could not resolve address for {HOST}: Unknown error"
NO_HELPER: Final = (
    "mount: /srv/clawbot/share: bad option; for several filesystems (e.g. nfs, cifs) you might "
    "need a /sbin/mount.<type> helper program."
)


def error_of(
    said: str, *, found: Reached = Reached.OPEN, ticket: bool = False
) -> tuple[ClawbotError, FakeReach]:
    """What comes of these words."""
    share = WITH_TICKET if ticket else WITH_KEY
    assert share is not None
    reach = FakeReach({HOST: found})
    return mount_failure(said, share=share, reach=reach), reach


@pytest.mark.parametrize(
    ("said", "key", "ticket"),
    [
        ("mount error(13): Permission denied", ShareKeyWrongError, ShareRoleMissingError),
        ("mount error(1): Operation not permitted", ShareKeyWrongError, ShareRoleMissingError),
        ("mount error(2): No such file or directory", ShareNotFoundError, ShareNotFoundError),
        ("mount error(127): Key has expired", ShareKeyWrongError, ShareTicketExpiredError),
        (
            "mount error(126): Required key not available",
            ShareMountFailedError,
            ShareTicketMissingError,
        ),
        (
            "mount error(129): Key was rejected by service",
            ShareKeyWrongError,
            ShareTicketExpiredError,
        ),
        ("mount error(19): No such device", ShareCifsMissingError, ShareCifsMissingError),
        (NO_HELPER, ShareCifsMissingError, ShareCifsMissingError),
        (
            "mount error: cifs filesystem not supported by the system; mount error(19): No such",
            ShareCifsMissingError,
            ShareCifsMissingError,
        ),
        ("mount error(22): Invalid argument", ShareMountFailedError, ShareMountFailedError),
        ("umount: /srv/clawbot/share: target is busy.", *(2 * [ShareMountFailedError])),
    ],
)
def test_the_number_decides(said: str, key: type[ClawbotError], ticket: type[ClawbotError]) -> None:
    """With a key and with a ticket; the server's port is not asked, mount's words are kept."""
    for expected, with_ticket in ((key, False), (ticket, True)):
        error, reach = error_of(said + REFER, ticket=with_ticket)
        assert type(error) is expected
        assert said in error.message
        assert reach.calls == []


@pytest.mark.parametrize(
    "said",
    [
        "mount error(115): Operation now in progress",
        "mount error(111): could not connect to 10.0.1.1Unable to find suitable address.",
        "mount error(113): could not connect to 10.0.1.1Unable to find suitable address.",
        "mount error(112): Host is down",
        "mount error(101): Network is unreachable",
        NO_NAME,
        "",
    ],
)
@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        (Reached.SILENT, SharePortBlockedError, f"{HOST}, port 445: no answer"),
        (Reached.REFUSED, ShareServerAwayError, f"{HOST}, port 445: connection refused"),
        (Reached.UNREACHABLE, ShareServerAwayError, f"{HOST}, port 445: no way there"),
        (Reached.OPEN, ShareServerAwayError, "it takes connections and does not answer"),
        (Reached.NAME_UNKNOWN, ShareNameUnknownError, f"DNS knows no {HOST}"),
        (Reached.DNS_SILENT, ShareNameUnknownError, f"DNS gives no answer for {HOST}"),
    ],
)
def test_words_about_the_network_are_looked_into(
    said: str, found: Reached, expected: type[ClawbotError], words: str
) -> None:
    """The same words come of a firewall, a stopped server and a missing name."""
    error, reach = error_of(said, found=found)
    assert type(error) is expected
    assert words in error.message
    assert said in error.message
    assert reach.calls == [(HOST, 445)]


def test_only_a_role_is_waited_for_long() -> None:
    """A new assignment takes minutes; a wrong key or name does not become right."""
    role, _ = error_of("mount error(13): Permission denied", ticket=True)
    key, _ = error_of("mount error(13): Permission denied")
    name, _ = error_of("mount error(2): No such file or directory")
    assert [error.retry.within for error in (role, key, name)] == [900, 45, 0]
