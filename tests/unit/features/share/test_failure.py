"""How outputs of mount.cifs map to errors."""

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
    mount_failure,
)
from clawbot_agent.host.network import Reached
from clawbot_agent.host.share_errors import ShareServerAwayError
from tests.fakes import FakeReach
from tests.unit.features.share.conftest import HOST, azure_config

WITH_KEY: Final = azure_config().share.azure_files
WITH_TICKET: Final = azure_config(auth="managed-identity", key_secret=None).share.azure_files
REFERENCE: Final = "; Refer to the mount.cifs(8) manual page (e.g. man mount.cifs)"
NO_NAME: Final = f"mount error: could not resolve address for {HOST}: Unknown error"
NO_HELPER: Final = (
    "mount: /srv/clawbot/share: bad option; for several filesystems (e.g. nfs, cifs) you might "
    "need a /sbin/mount.<type> helper program."
)


def error_of(
    output: str, *, found: Reached = Reached.OPEN, ticket: bool = False
) -> tuple[ClawbotError, FakeReach]:
    """Return the error for an output of mount, and the probe of the port."""
    share = WITH_TICKET if ticket else WITH_KEY
    assert share is not None
    reach = FakeReach({HOST: found})
    return mount_failure(output, share=share, reach=reach), reach


@pytest.mark.parametrize(
    ("output", "key", "ticket"),
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
def test_errno_decides(output: str, key: type[ClawbotError], ticket: type[ClawbotError]) -> None:
    """With key and ticket; the port is not probed, the output is in the message."""
    for expected, with_ticket in ((key, False), (ticket, True)):
        error, reach = error_of(output + REFERENCE, ticket=with_ticket)
        assert type(error) is expected
        assert output in error.message
        assert reach.calls == []


@pytest.mark.parametrize(
    "output",
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
    ("found", "expected", "problem"),
    [
        (Reached.SILENT, SharePortBlockedError, f"{HOST}:445: no answer"),
        (Reached.REFUSED, ShareServerAwayError, f"{HOST}:445: connection refused"),
        (Reached.UNREACHABLE, ShareServerAwayError, f"{HOST}:445: unreachable"),
        (
            Reached.OPEN,
            ShareServerAwayError,
            f"{HOST}:445: accepts connections, then does not answer",
        ),
        (Reached.NAME_UNKNOWN, ShareNameUnknownError, f"{HOST}:445: DNS has no such name"),
        (Reached.DNS_SILENT, ShareNameUnknownError, f"{HOST}:445: no answer from DNS"),
    ],
)
def test_port_is_probed_for_network_errors(
    output: str, found: Reached, expected: type[ClawbotError], problem: str
) -> None:
    """Firewall, stopped server and missing name cause the same output."""
    error, reach = error_of(output, found=found)
    assert type(error) is expected
    assert problem in error.message
    assert output in error.message
    assert reach.calls == [(HOST, 445)]


def test_only_a_missing_role_is_retried_for_minutes() -> None:
    """A new assignment takes minutes to work; a wrong key or name stays wrong."""
    role, _ = error_of("mount error(13): Permission denied", ticket=True)
    key, _ = error_of("mount error(13): Permission denied")
    name, _ = error_of("mount error(2): No such file or directory")
    assert [error.retry.within for error in (role, key, name)] == [900, 45, 0]
