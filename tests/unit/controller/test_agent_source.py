"""The agent to install is named and pinned by its hash."""

import pytest

from clawbot_controller.custom_data import AgentSource
from clawbot_controller.errors import AgentSourceError

SHA256 = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "location",
    [
        "https://github.com/o/clawbot-agent/releases/download/v1.2.3/clawbot-agent-1.2.3-x86_64.tar",
        "https://files.example.org:8443/clawbot_agent-1.2.3-py3-none-any.whl",
        # a file server on the bridge of a virtual machine's host; the hash pins the content
        "http://192.168.64.1:8000/clawbot-agent-1.2.3-x86_64.tar",
        "/vagrant/dist/clawbot-agent-1.2.3-x86_64.tar",
        "clawbot-agent==1.2.3rc1",
    ],
)
def test_valid_location_is_accepted(location: str) -> None:
    assert AgentSource(location, SHA256).arguments == ("--sha256", SHA256, location)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "ftp://example.org/x.tar",
        "https://github.com/o/x.zip",
        "https://user:password@example.org/x.tar",
        # a signed URL is a secret
        "https://account.blob.core.windows.net/c/x.tar?sv=2024&sig=abc",
        "https://example.org/$(reboot).tar",
        "https://example.org/x.tar\n.tar",
        "relative/x.tar",
        "clawbot-agent",
        "clawbot-agent>=1",
        "other-agent==1.0",
        "--no-start",
    ],
)
def test_invalid_location_is_refused(location: str) -> None:
    with pytest.raises(AgentSourceError, match="names no agent"):
        AgentSource(location, SHA256)


@pytest.mark.parametrize("sha256", ["", "abc", SHA256.upper(), SHA256 + "0", "g" * 64])
def test_invalid_hash_is_refused(sha256: str) -> None:
    with pytest.raises(AgentSourceError, match="not a SHA-256"):
        AgentSource("clawbot-agent==1.0", sha256)
