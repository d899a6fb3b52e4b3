import pytest

from clawbot_agent.azure.identity import token_refused
from clawbot_agent.azure.keyvault import refused

CLIENT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("status", "description", "code", "retryable"),
    [
        (0, "", "IMDS_UNAVAILABLE", True),
        (200, "", "IMDS_UNAVAILABLE", True),
        (400, "Identity not found", "IDENTITY_NOT_FOUND", True),
        (400, "Multiple user assigned identities exist", "IMDS_REFUSED", False),
        (403, "", "IMDS_REFUSED", False),
        (404, "", "IMDS_UNAVAILABLE", True),
        (410, "", "IMDS_UNAVAILABLE", True),
        (429, "", "IMDS_UNAVAILABLE", True),
        (500, "", "IMDS_UNAVAILABLE", True),
        (503, "", "IMDS_UNAVAILABLE", True),
    ],
)
def test_answers_to_the_request_for_a_token(
    status: int, description: str, code: str, *, retryable: bool
) -> None:
    error = token_refused(status, description, client_id=CLIENT)
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("status", "reason", "code", "retryable"),
    [
        (400, "BadParameter", "KEYVAULT_REFUSED", False),
        (401, "Unauthorized", "KEYVAULT_UNAUTHORIZED", True),
        (403, "ForbiddenByRbac", "KEYVAULT_FORBIDDEN", True),
        (403, "ForbiddenByPolicy", "KEYVAULT_FORBIDDEN", True),
        (403, "AccessDenied", "KEYVAULT_FORBIDDEN", True),
        (403, "", "KEYVAULT_FORBIDDEN", True),
        (403, "ForbiddenByFirewall", "KEYVAULT_FIREWALL", False),
        (403, "ForbiddenByConnection", "KEYVAULT_FIREWALL", False),
        (403, "SecretDisabled", "KEYVAULT_SECRET_DISABLED", False),
        (404, "SecretNotFound", "KEYVAULT_SECRET_NOT_FOUND", False),
        (429, "Throttled", "KEYVAULT_THROTTLED", True),
        (500, "InternalServerError", "KEYVAULT_UNREACHABLE", True),
        (503, "", "KEYVAULT_UNREACHABLE", True),
    ],
)
def test_answers_of_key_vault(status: int, reason: str, code: str, *, retryable: bool) -> None:
    """The message names the vault and the secret; the hint says what to do."""
    error = refused(
        status, reason, host="my-vault.vault.azure.net", name="my-secret", client_id=CLIENT
    )
    assert (error.code, error.retryable) == (code, retryable)
    assert "my-vault" in error.message
    assert "my-secret" in error.message
    assert error.hint
