"""The bench's own certificate authority, made with the openssl command."""

import hashlib
import ipaddress
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CA_CERT: Final = "ca.pem"
_CA_KEY: Final = "ca.key"
_EC: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# the strictest limit, of Apple's verifier, is 825 days
_SERVER_DAYS: Final = "820"
_CA_DAYS: Final = "3650"


def ensure(ca_dir: Path) -> Path:
    """Create the certificate authority in ``ca_dir`` unless it exists.

    Returns:
        The path of its certificate (PEM), for a machine's trust store.

    Raises:
        subprocess.CalledProcessError: openssl failed.
    """
    ca_dir.mkdir(parents=True, exist_ok=True)
    if not (ca_dir / _CA_CERT).exists():
        arguments = (
            *("-x509", *_EC, "-days", _CA_DAYS, "-subj", "/O=clawbot bench/CN=clawbot bench CA"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        _request(ca_dir, arguments, key_name=_CA_KEY, cert_name=_CA_CERT)
    return ca_dir / _CA_CERT


def server_certificate(ca_dir: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Create a server certificate for ``names`` (or addresses) unless it exists, signed by the CA.

    Returns:
        The certificate (PEM) and its private key (PEM).

    Raises:
        subprocess.CalledProcessError: openssl failed.
    """
    authority = ensure(ca_dir)
    # in the file name, so that other names or a replaced CA give another certificate
    seed = "\n".join(names).encode() + authority.read_bytes()
    stem = f"{names[0].replace('*', '_')}-{hashlib.sha256(seed).hexdigest()[:12]}"
    certificate, key = ca_dir / f"{stem}.pem", ca_dir / f"{stem}.key"
    if not certificate.exists():
        alternatives = ",".join(map(_alternative, names))
        arguments = (
            *("-x509", *_EC, "-days", _SERVER_DAYS, "-subj", f"/CN={names[0]}"),
            *("-CA", str(authority), "-CAkey", str(ca_dir / _CA_KEY)),
            *("-addext", f"subjectAltName={alternatives}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "extendedKeyUsage=serverAuth"),
        )
        _request(ca_dir, arguments, key_name=key.name, cert_name=certificate.name)
    return certificate, key


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _request(ca_dir: Path, arguments: Sequence[str], *, key_name: str, cert_name: str) -> None:
    with tempfile.TemporaryDirectory(dir=ca_dir, prefix=".making-") as made:
        key, certificate = Path(made, key_name), Path(made, cert_name)
        subprocess.run(
            ("openssl", "req", *arguments, "-keyout", str(key), "-out", str(certificate)),
            check=True,
            capture_output=True,
            # the host's openssl.cnf could add conflicting extensions
            env={**os.environ, "OPENSSL_CONF": str(_minimal_config(Path(made)))},
        )
        key.chmod(0o600)
        # the certificate last: if it exists, so does the key
        key.replace(ca_dir / key_name)
        certificate.replace(ca_dir / cert_name)


def _minimal_config(folder: Path) -> Path:
    config = folder / "openssl.cnf"
    config.write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    return config
