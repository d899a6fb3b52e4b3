"""Keys shared by all virtual machines of a checkout, so that their disks can be cached."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.azure import ca
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.vm.disk import Trusted


@dataclass(frozen=True, slots=True)
class Keys:
    """A directory with a permanent certificate authority and SSH key."""

    root: Path

    @property
    def ca_dir(self) -> Path:
        """The directory of the certificate authority (`tests.bench.azure.ca`)."""
        return self.root / "ca"

    @property
    def ssh_key(self) -> Path:
        """The private key for the bench's SSH connections."""
        return self.root / "id_ed25519"

    @property
    def trusted(self) -> Trusted:
        """What a machine's disk must trust."""
        public = self.ssh_key.with_suffix(".pub")
        return Trusted(authority=ca.ensure(self.ca_dir), ssh_key=public)


def get(cache: Cache) -> Keys:
    """Return the keys; create them if missing."""
    return Keys(cache.get("vm-keys", ["1"], _make))


def _make(target: Path) -> None:
    target.chmod(0o700)
    keys = Keys(target)
    ca.ensure(keys.ca_dir)
    comment = ("-C", "clawbot bench")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", *comment, "-f", str(keys.ssh_key))
