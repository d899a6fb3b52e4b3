"""Bots in virtual machines, and what Azure holds for them before an instance boots.

It uses only the product's release archive, its renderer of custom data and what an operator sees
from outside; the product alone acts in the machine.
"""

import json
import platform
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from clawbot_agent.config.load import parse_config
from clawbot_agent.features.image.archive import archive_of
from clawbot_agent.features.image.recipe import recipe
from clawbot_controller.custom_data import AgentSource, render_custom_data
from tests.bench import files, product
from tests.bench.bench import Bench
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.vm.disk import Disk
from tests.bench.vm.machine import Vm

KEY_SECRET: Final = "storage-account-key"  # noqa: S105 - the name of a secret
# what phase "base" installs: the disk of an instance with a baked VM image
BAKED: Final = (
    *("busybox-static", "ca-certificates", "caddy", "cifs-utils", "curl", "docker-cli"),
    *("docker.io", "iproute2", "iptables", "jq", "keyutils"),
)
# without hardware acceleration a gateway takes two to four minutes to start
_READY_TIMEOUT: Final = 280
_POLL_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 10.0


@dataclass(slots=True)
class BotVms:
    """The bots of one subscription, as virtual machines of a bench.

    Args:
        bench: a running one with `machine=False`.
        token: the gateway token in Key Vault.
        fragment: the part of openclaw.json in Key Vault.
        user_mode: run the machines with user-mode Linux instead of QEMU.
    """

    bench: Bench
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    fragment: Mapping[str, Any] = field(default_factory=lambda: {"logging": {"level": "info"}})
    user_mode: bool = False
    _agent: AgentSource | None = None

    def publish(self) -> None:
        """Publish the release on GitHub and the secrets in the Key Vault."""
        archive, sha256 = product.release(Cache(self.bench.cache_dir))
        path = product.release_path(archive)
        self.bench.azure.set("github", assets={path: str(archive)})
        self._agent = AgentSource(location=f"https://github.com{path}", sha256=sha256)
        self.store_secrets()

    @property
    def agent(self) -> AgentSource:
        """The published release.

        Raises:
            BenchError: nothing has been published yet.
        """
        if self._agent is None:
            msg = "publish() first"
            raise BenchError(msg)
        return self._agent

    def store_secrets(self) -> None:
        """Store the token, the fragment and the storage key in the Key Vault."""
        values = {
            product.TOKEN_SECRET: self.token,
            product.CONFIG_SECRET: json.dumps(self.fragment),
            KEY_SECRET: self.bench.files.key,
        }
        self.bench.azure.set("keyvault", secrets=values)

    def seed_images(self, share: str = files.SHARE) -> bool:
        """Copy kept container images to the share, as an earlier instance would; false if none."""
        kept = self.kept_images()
        target = self.bench.files.directory(share) / "images"
        for path in kept:
            target.mkdir(mode=0o700, exist_ok=True)
            if not (target / path.name).exists():
                # a copy, not a link: the server changes the owner of files on the share
                shutil.copy(path, target / path.name)
        return bool(kept)

    def keep_images(self, share: str = files.SHARE) -> None:
        """Keep the container images that an instance saved on the share for later benches."""
        kept = self.bench.cache_dir / "images"
        kept.mkdir(exist_ok=True)
        for path in (self.bench.files.directory(share) / "images").glob("[!.]*.tar.zst"):
            if not (kept / path.name).exists():
                partial = kept / f".{path.name}"
                shutil.copy(path, partial)
                partial.rename(kept / path.name)

    def configuration(
        self, *, backend: str = "image", share: str = files.SHARE, **sections: Mapping[str, Any]
    ) -> str:
        """Return the YAML of a bot on Azure Files; for `sections` see `product.configuration`."""
        base: dict[str, dict[str, Any]] = {
            "share": {
                "kind": "azure-files",
                "account": files.ACCOUNT,
                "name": share,
                "key_secret": KEY_SECRET,
            },
            "state": {"backend": backend, "image_size": "2g"},
            "gateway": {"ready_timeout": _READY_TIMEOUT},
        }
        for name, changes in sections.items():
            base[name] = {**base.get(name, {}), **changes}
        return product.as_yaml(product.configuration(self.bench, **base))

    def custom_data(self, configuration: str, *, sha256: str | None = None) -> bytes:
        """Return the custom data for a configuration; a wrong `sha256` injects a fault.

        Raises:
            BenchError: nothing has been published yet.
        """
        agent = self.agent
        if sha256 is not None:
            agent = AgentSource(location=agent.location, sha256=sha256)
        return render_custom_data(parse_config(configuration), agent).encode()

    def baked(self, *, image: bool = False) -> Disk:
        """Return a disk with the packages of phase "base" installed.

        Args:
            image: also load the kept container image of the current recipe, if any, into Docker.
        """
        wanted = self._image_name() if image else None
        kept = [path for path in self.kept_images() if path.name == wanted]
        return self.bench.vms.disk(
            extra_packages=BAKED, docker_images=kept, user_mode=self.user_mode
        )

    def kept_images(self) -> list[Path]:
        """Return the container image archives that earlier benches saved, oldest first."""
        found = (self.bench.cache_dir / "images").glob("*.tar.zst")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def _image_name(self) -> str:
        """Return the archive's name for the default configuration's image in its current recipe."""
        config = parse_config(self.configuration())
        return archive_of(config, recipe(config), architecture=platform.machine()).name

    def boot(
        self,
        name: str,
        *,
        baked: bool = True,
        image: bool = False,
        cpus: int = 2,
        **configuration: Any,  # noqa: ANN401 - passed to `configuration`
    ) -> Vm:
        """Boot a new instance of the bot from custom data alone.

        Args:
            name: the machine's name.
            baked: its disk has the packages of phase "base".
            image: and its Docker has the container image.
            cpus: the number of CPUs.
            configuration: the sections for `configuration`.
        """
        sections = {"sysbox": {"enabled": False}, **configuration}
        text = self.configuration(**sections)
        bare = self.bench.vms.disk
        disk = self.baked(image=image) if baked else bare(user_mode=self.user_mode)
        return self.bench.vms.boot(name, custom_data=self.custom_data(text), disk=disk, cpus=cpus)


def health(vm: Vm) -> str:
    """Return the overall status through Caddy, or "unreachable" without an answer."""
    try:
        answer = requests.get(f"http://{vm.address}/health", timeout=_ANSWER_SECONDS)
        return str(answer.json()["status"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return "unreachable"


def ready(vm: Vm) -> bool:
    """Return whether the gateway reports through Caddy that it is ready."""
    try:
        answer = requests.get(f"http://{vm.address}/readyz", timeout=_ANSWER_SECONDS)
        return answer.json().get("ready") is True
    except (requests.RequestException, ValueError, AttributeError):
        return False


def wait_healthy(vm: Vm, *, within: float) -> float:
    """Wait until the bot is ready and reports healthy; return the seconds that it took.

    Raises:
        BenchError: not within that many seconds; the message ends with the console's last lines.
    """
    began = time.monotonic()
    while time.monotonic() - began < within:
        if ready(vm) and health(vm) == "healthy":
            return time.monotonic() - began
        if not vm.running():
            break
        time.sleep(_POLL_SECONDS)
    said = vm.console.read_text(errors="replace").splitlines()[-25:]
    msg = f"{vm.name} is {health(vm)} after {within:.0f} s; the end of the console:\n" + "\n".join(
        said
    )
    raise BenchError(msg)
