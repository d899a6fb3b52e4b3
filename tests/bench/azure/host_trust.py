"""The host's additional trusted certificates, for file systems that are built here."""

import re
import ssl
from pathlib import Path
from typing import Final

BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PACKAGED: Final = Path("/usr/share/ca-certificates")
_CERTIFICATE: Final = re.compile(
    "-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL
)


def extra_certificates(*, bundle: Path = BUNDLE, packaged: Path = _PACKAGED) -> list[str]:
    """Return the certificates (PEM) in the host's bundle that Debian's ca-certificates lacks.

    They must be installed one by one: installing ca-certificates in a file system rewrites its
    bundle from the package and /usr/local/share/ca-certificates.
    """
    shipped = {
        ssl.PEM_cert_to_DER_cert(pem)
        for path in packaged.rglob("*.crt")
        for pem in _split(path.read_text())
    }
    return [
        pem for pem in _split(bundle.read_text()) if ssl.PEM_cert_to_DER_cert(pem) not in shipped
    ]


def copy_into(root: Path) -> None:
    """Make the file system at ``root`` trust these certificates."""
    bundle = root / BUNDLE.relative_to("/")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bytes(BUNDLE.read_bytes())
    local = root / "usr/local/share/ca-certificates"
    local.mkdir(parents=True, exist_ok=True)
    for number, pem in enumerate(extra_certificates()):
        (local / f"host-{number}.crt").write_text(pem)


def _split(text: str) -> list[str]:
    return _CERTIFICATE.findall(text)
