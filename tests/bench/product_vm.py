"""Bots in virtual machines: everything an operator's side of Azure holds before an instance boots.

Of the product it uses the release archive, the renderer of custom data and what an operator can
see from outside; what happens in the machine is the product's own doing.
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
from clawbot_controller.custom_data.agent_source import AgentSource
from clawbot_controller.custom_data.render import render_custom_data
from tests.bench import files, product
from tests.bench.bench import Bench
from tests.bench.cache import Cache
from tests.bench.errors import BenchError
from tests.bench.vm.disk import Disk
from tests.bench.vm.machine import Vm

KEY_SECRET: Final = "storage-account-key"  # noqa: S105 - the name of a secret
# what phase "base" installs: the disk of an instance whose image was baked
BAKED: Final = (
    *("busybox-static", "ca-certificates", "caddy", "cifs-utils", "curl", "docker-cli"),
    *("docker.io", "iproute2", "iptables", "jq", "keyutils"),
)
# a machine without hardware acceleration starts a gateway in two to four minutes
_READY_TIMEOUT: Final = 280
_LOOK_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 10.0


@dataclass(slots=True)
class BotVms:
    """The bots of one subscription, on the virtual machines of a bench.

    Args:
        bench: made with `machine=False`, and up.
        token: the gateway token in Key Vault.
        fragment: of openclaw.json, in Key Vault.
        user_mode: machines run by user-mode Linux and not by QEMU.
    """

    bench: Bench
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    fragment: Mapping[str, Any] = field(default_factory=lambda: {"logging": {"level": "info"}})
    user_mode: bool = False
    _agent: AgentSource | None = None

    def publish(self) -> None:
        """Put the release on GitHub and the secrets into the Key Vault."""
        archive, sha256 = product.release(Cache(self.bench.cache_dir))
        path = product.release_path(archive)
        self.bench.azure.set("github", assets={path: str(archive)})
        self._agent = AgentSource(location=f"https://github.com{path}", sha256=sha256)
        self.store_secrets()

    @property
    def agent(self) -> AgentSource:
        """The release that was published.

        Raises:
            BenchError: nothing was published yet.
        """
        if self._agent is None:
            msg = "publish() first"
            raise BenchError(msg)
        return self._agent

    def store_secrets(self) -> None:
        """Put token, fragment and storage key into the Key Vault."""
        values = {
            product.TOKEN_SECRET: self.token,
            product.CONFIG_SECRET: json.dumps(self.fragment),
            KEY_SECRET: self.bench.files.key,
        }
        self.bench.azure.set("keyvault", secrets=values)

    def seed_images(self, share: str = files.SHARE) -> bool:
        """Put kept container images on the share, as an earlier instance would; false: none."""
        kept = self.kept_images()
        target = self.bench.files.directory(share) / "images"
        for path in kept:
            target.mkdir(mode=0o700, exist_ok=True)
            if not (target / path.name).exists():
                # a copy: the server gives files on the share its own owner
                shutil.copy(path, target / path.name)
        return bool(kept)

    def keep_images(self, share: str = files.SHARE) -> None:
        """Keep for later benches what an instance saved on the share."""
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
        """The YAML of a bot on Azure Files; `sections` change it as in `product.configuration`."""
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
        """The custom data for a configuration; another `sha256` than the release's for a fault.

        Raises:
            BenchError: nothing was published yet.
        """
        agent = self.agent
        if sha256 is not None:
            agent = AgentSource(location=agent.location, sha256=sha256)
        return render_custom_data(parse_config(configuration), agent).encode()

    def baked(self, *, image: bool = False) -> Disk:
        """A disk on which the packages of phase "base" are installed already.

        Args:
            image: the kept container image is in its Docker as well, if there is one of the present
                recipe.
        """
        wanted = self._image_name() if image else None
        kept = [path for path in self.kept_images() if path.name == wanted]
        return self.bench.vms.disk(
            extra_packages=BAKED, docker_images=kept, user_mode=self.user_mode
        )

    def kept_images(self) -> list[Path]:
        """Archives of the container's image that earlier benches saved, oldest first."""
        found = (self.bench.cache_dir / "images").glob("*.tar.zst")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def _image_name(self) -> str:
        """Of the archive with the image of the default configuration, as it is built today."""
        config = parse_config(self.configuration())
        return archive_of(config, recipe(config), architecture=platform.machine()).name

    def boot(
        self,
        name: str,
        *,
        baked: bool = True,
        image: bool = False,
        cpus: int = 2,
        **configuration: Any,  # noqa: ANN401 - as `configuration` takes it
    ) -> Vm:
        """Boot a new instance of the bot from nothing but custom data.

        Args:
            name: of the machine.
            baked: with the packages of phase "base" on its disk.
            image: and with the container's image in its Docker.
            cpus: how many.
            configuration: as `configuration` takes it.
        """
        sections = {"sysbox": {"enabled": False}, **configuration}
        text = self.configuration(**sections)
        bare = self.bench.vms.disk
        disk = self.baked(image=image) if baked else bare(user_mode=self.user_mode)
        return self.bench.vms.boot(name, custom_data=self.custom_data(text), disk=disk, cpus=cpus)


def health(vm: Vm) -> str:
    """The overall word that Caddy tells outsiders; "unreachable" when nobody answers."""
    try:
        answer = requests.get(f"http://{vm.address}/health", timeout=_ANSWER_SECONDS)
        return str(answer.json()["status"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return "unreachable"


def ready(vm: Vm) -> bool:
    """Whether the gateway says through Caddy that it is ready."""
    try:
        answer = requests.get(f"http://{vm.address}/readyz", timeout=_ANSWER_SECONDS)
        return answer.json().get("ready") is True
    except (requests.RequestException, ValueError, AttributeError):
        return False


def wait_healthy(vm: Vm, *, within: float) -> float:
    """Seconds from now until the bot is ready and says that it is healthy.

    Raises:
        BenchError: not within so many seconds; the message ends with the console's last lines.
    """
    began = time.monotonic()
    while time.monotonic() - began < within:
        if ready(vm) and health(vm) == "healthy":
            return time.monotonic() - began
        if not vm.running():
            break
        time.sleep(_LOOK_SECONDS)
    said = vm.console.read_text(errors="replace").splitlines()[-25:]
    msg = f"{vm.name} is {health(vm)} after {within:.0f} s; the console's end:\n" + "\n".join(said)
    raise BenchError(msg)
