"""Certificates that the machine trusts: Debian's, the host's additions and the bench's CA."""

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tests.bench.azure.host_trust import extra_certificates
from tests.bench.commands import run

BUNDLE: Final = "etc/ssl/certs/ca-certificates.crt"
_LOCAL: Final = "usr/local/share/ca-certificates"


def host_digest() -> str:
    """Return a digest of the certificates that the host trusts beyond Debian's list."""
    return hashlib.sha256("".join(extra_certificates()).encode()).hexdigest()


def install_host_certificates(root: Path) -> None:
    """Install the certificates that the host trusts beyond Debian's list.

    Behind a TLS-inspecting proxy the package registries are reachable only with these.
    """
    for number, pem in enumerate(extra_certificates()):
        (root / _LOCAL / f"host-{number}.crt").write_text(pem)
    run("chroot", str(root), "update-ca-certificates")


def install(root: Path, certificate: Path, *, name: str) -> None:
    """Trust one more certificate, like update-ca-certificates but a second faster."""
    local = root / _LOCAL / f"{name}.crt"
    shutil.copyfile(certificate, local)
    pem = root / "etc/ssl/certs" / f"{name}.pem"
    pem.symlink_to(Path("/") / _LOCAL / local.name)
    subject = run("openssl", "x509", "-noout", "-hash", "-in", str(certificate)).strip()
    (pem.parent / f"{subject}.0").symlink_to(pem.name)
    with (root / BUNDLE).open("a") as bundle:
        bundle.write(certificate.read_text())
