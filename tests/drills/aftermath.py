"""What a power cut leaves on the share, checked on the host: repair, databases, OpenClaw's start.

The steps are those of the product at a boot (e2fsck -p, mount), then OpenClaw's.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.errors import BenchError
from tests.support.inside import Databases, check_databases

_READY_SECONDS: Final = 180
_STATE: Final = "home/node/.openclaw"
_AGENT: Final = "agents/main/agent/openclaw-agent.sqlite"
# in separate namespaces: nothing outlives it, and it uses no port of the host
_SERVE: Final = """\
root=$1; state=$2; seconds=$3
# OpenClaw takes over its own earlier lease only on a machine of the same name
hostname openclaw-gateway
ip link set lo up
mount --bind "$root" "$root"
mount --bind "$state" "$root/home/node/.openclaw"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
chmod 1777 "$root/tmp"
# the token that openclaw.json refers to; any value works
mount -t tmpfs run "$root/run"
install -d -m 0500 -o 1000 -g 1000 "$root/run/clawbot-secrets"
printf %s none-of-the-real-ones-0123456789abcdef >"$root/run/clawbot-secrets/token"
chown 1000:1000 "$root/run/clawbot-secrets/token"
chmod 0400 "$root/run/clawbot-secrets/token"
chroot --userspec=1000:1000 "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/home/node \
    OPENCLAW_NO_AUTO_UPDATE=1 OPENCLAW_DISABLE_BONJOUR=1 OPENCLAW_NO_RESPAWN=1 \
    OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED=1 NODE_COMPILE_CACHE=/opt/openclaw-cache \
    openclaw gateway run >"$root/tmp/log" 2>&1 &
gateway=$!
while kill -0 "$gateway" 2>/dev/null && [ "$seconds" -gt 0 ]; do
    if curl -s -m 3 http://127.0.0.1:18789/readyz | grep -q '"ready":true'; then
        kill "$gateway"
        wait "$gateway" || true
        exit 0
    fi
    seconds=$((seconds - 1))
    sleep 1
done
tail -n 20 "$root/tmp/log" >&2
exit 1
"""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The condition of one data image.

    Attributes:
        repair: output and exit code of e2fsck -p.
        databases: before OpenClaw opened them.
        texts: those in the bot's conversation.
        served: "" if OpenClaw became ready on it, otherwise the end of its log.
    """

    repair: str
    databases: Databases
    texts: set[str]
    served: str


def openclaw_root(cache: Cache) -> Path:
    """Return the file system of the kept container image, as a directory.

    Raises:
        BenchError: no container image has been kept yet.
    """
    kept = sorted((cache.root / "images").glob("*.tar.zst"))
    if not kept:
        msg = "no container image in the cache; 'make demo' creates one"
        raise BenchError(msg)

    def unpack(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target) as name:
            run("tar", "--zstd", "-xf", str(kept[-1]), "-C", name)
            manifest = json.loads((Path(name) / "manifest.json").read_text())
            (target / "root").mkdir()
            for layer in manifest[0]["Layers"]:
                run("tar", "-xf", str(Path(name) / layer), "-C", str(target / "root"))
        (target / "root" / _STATE).mkdir(parents=True, exist_ok=True)

    return cache.get("openclaw-root", [kept[-1].name], unpack) / "root"


def check(image: Path, root: Path) -> Aftermath:
    """Treat a data image like the next boot does; this changes it.

    Args:
        image: an ext4 image that nothing else uses.
        root: from `openclaw_root`.
    """
    repaired = _here(("e2fsck", "-p", str(image)))
    said = " ".join(repaired.stdout.split())
    state = Path(tempfile.mkdtemp(prefix="aftermath-"))
    run("mount", "-o", "loop", str(image), str(state))
    try:
        databases = check_databases(_here, str(state))
        texts = _texts(state / _AGENT)
        served = _serve(root, state)
        after = check_databases(_here, str(state))
    finally:
        run("umount", str(state))
        state.rmdir()
    both = {**databases.damaged, **after.damaged}
    found = Databases(both, after.sound, databases.identity)
    return Aftermath(f"e2fsck {repaired.returncode}: {said}", found, texts, served)


def freeze(image: Path, target: Path) -> None:
    """Copy an image in its current state."""
    run("cp", "--sparse=always", "--reflink=auto", str(image), str(target))


def _texts(database: Path) -> set[str]:
    """Return all texts of the conversation, read from a copy because OpenClaw opens it later."""
    with tempfile.TemporaryDirectory() as name:
        for path in database.parent.glob(f"{database.name}*"):
            shutil.copy(path, name)
        script = (Path(__file__).parent / "texts.py").read_text()
        done = _here(("python3", "-", str(Path(name) / database.name)), stdin=script)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return set(found)


def _serve(root: Path, state: Path) -> str:
    apart = ("unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child")
    argv = (*apart, "sh", "-euc", _SERVE, "sh", str(root), str(state), str(_READY_SECONDS))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr[-1500:]}"


def _here(
    command: str | Sequence[str], *, timeout: float | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    argv = ("bash", "-c", command) if isinstance(command, str) else tuple(command)
    return subprocess.run(
        argv, input=stdin, timeout=timeout, capture_output=True, text=True, check=False
    )
