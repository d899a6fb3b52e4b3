"""What a secret must be like before anything uses it. Messages never quote a value."""

from typing import Final, NoReturn

from clawbot_agent.config.rules import json_object_problem
from clawbot_agent.core.errors import ClawbotError, FailureCause
from clawbot_agent.core.secret import Secret

__all__ = [
    "GatewayTokenWeakError",
    "OpenClawFragmentInvalidError",
    "gateway_token",
    "openclaw_fragment",
]

# OpenClaw warns below this length; a bot on the internet gets no such token here
_SHORTEST_TOKEN: Final = 24
# OpenClaw refuses to start with the example of its own documentation (gateway/startup-auth.ts)
_EXAMPLES: Final = frozenset({"change-me-to-a-long-random-token"})
_FEWEST_CHARACTERS: Final = 8


class GatewayTokenWeakError(ClawbotError):
    """The gateway token is one that can be guessed, or that OpenClaw refuses."""

    code = "GATEWAY_TOKEN_WEAK"
    cause = FailureCause.OPERATOR
    hint = "put a random token into the secret: openssl rand -hex 32"


class OpenClawFragmentInvalidError(ClawbotError):
    """The secret with the fragment of openclaw.json does not hold a JSON object."""

    code = "OPENCLAW_FRAGMENT_INVALID"
    cause = FailureCause.OPERATOR
    hint = "the secret must hold a JSON object such as {\"agents\": {}}; check it with 'jq type'"


def gateway_token(value: Secret, *, name: str) -> Secret:
    """The token in the secret called `name`, without white space around it.

    Raises:
        GatewayTokenWeakError: too short, guessable, or unfit for an HTTP header.
    """
    # 'az keyvault secret set --file' takes the newline at the file's end along
    token = value.reveal().strip()

    def refuse(why: str) -> NoReturn:
        msg = f"the secret {name} is no gateway token: {why}"
        raise GatewayTokenWeakError(msg)

    if len(token) < _SHORTEST_TOKEN:
        refuse(f"it has {len(token)} characters, the least is {_SHORTEST_TOKEN}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        refuse("it holds characters that do not go into an HTTP header")
    if token.lower() in _EXAMPLES:
        refuse("it is the example of OpenClaw's documentation")
    if len(set(token)) < _FEWEST_CHARACTERS:
        refuse(f"it has only {len(set(token))} different characters")
    return Secret(token)


def openclaw_fragment(value: Secret, *, name: str) -> Secret:
    """The text of the secret called `name`, which is a JSON object.

    Raises:
        OpenClawFragmentInvalidError: it is not.
    """
    if problem := json_object_problem(value.reveal()):
        msg = f"the secret {name} {problem}"
        raise OpenClawFragmentInvalidError(msg)
    return value
