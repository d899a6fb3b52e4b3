"""Secrets that nobody told us of, known by what they look like or by what stands before them."""

import re
from typing import Final

__all__ = ["MASK", "masked"]

MASK: Final = "[REDACTED]"

_KEY: Final = (
    # bounded: else a run of base64url is read again from each of its dashes
    r"[\w.-]{0,64}(?:password|passwd|passphrase|secret|token|api[ _-]?key"
    r"|(?:subscription|access|account|shared|private)[_-]?key"
    r"|credential|authorization|cookie)[\w-]*"
)
_BLOCKS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [^\n]*?-----|\Z)",
    re.DOTALL,
)
# each with the part to keep as its first group
_KEEPING: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\bbearer[ \t]+)[A-Za-z0-9._~+/=:-]{8,}",
        r"(\b(?:proxy-)?authorization:[ \t]*)[^\n\"']+",
        # the password in a URL
        r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
        # in a query, of a SAS, in a connection string
        r"([?&#;](?:sig|se|skoid|code|key|auth|token|access_token|id_token|refresh_token)=)[^\s&#;\"']+",
        r"(\b(?:AccountKey|SharedAccessSignature|SharedAccessKey)=)[^\s;\"']+",
        # NAME=value, name: value, "name": "value", --name value
        rf"(\b{_KEY}[ \t]*=[ \t]*)(?!\[REDACTED\])[^\s&;,\"']+",
        rf"(\b{_KEY}\\*[\"']?[ \t]*[:=][ \t]*\\*[\"'])(?!\[REDACTED\])(?:\\[^\n]|[^\"'\\\n])+",
        # without quotes: only what has a digit, for "secrets: unchanged" is no secret
        rf"(\b{_KEY}[ \t]*:[ \t]*)(?!\[REDACTED\])(?=[^\s\"',;]*\d)[^\s\"',;\[{{]{{8,}}",
        rf"(--{_KEY}[ =])(?!\[REDACTED\])[^\s\"']+",
        r"(\b(?:set-)?cookie:[ \t]*)[^\n]+",
        # whoever has the address of a webhook may write there
        r"(\bhooks\.slack\.com/(?:services|workflows)/)[^\s\"']+",
        r"(\bdiscord(?:app)?\.com/api/webhooks/\d+/)[^\s\"']+",
    )
)
_WHOLE: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # JSON Web Token
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*",
        # OpenAI, Anthropic, GitHub, GitLab, Slack, Google, AWS, Stripe, Groq, xAI, Telegram, npm,
        # Hugging Face, Discord
        r"\bsk-[A-Za-z0-9_-]{16,}",
        r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}",
        r"\bglpat-[A-Za-z0-9_-]{16,}",
        r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}",
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"\b(?:gsk_|xai-)[A-Za-z0-9]{20,}",
        r"\bAIza[A-Za-z0-9_-]{30,}",
        r"\bA[KS]IA[A-Z0-9]{16}\b",
        # also behind the "bot" of an address
        r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{30,}",
        r"\b(?:npm|hf)_[A-Za-z0-9]{20,}",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    )
)


def masked(text: str) -> str:
    """`text` without what looks like a secret."""
    text = _BLOCKS.sub(MASK, text)
    for pattern in _KEEPING:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for pattern in _WHOLE:
        text = pattern.sub(MASK, text)
    return text
