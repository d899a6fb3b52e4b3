"""What stays the same for all virtual machines of a checkout, so that their disks can be cached."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.azure import ca
from tests.bench.cache import Cache
from tests.bench.commands import run
from tests.bench.vm.disk import Trusted


@dataclass(frozen=True, slots=True)
class Keys:
    """A directory with the bench's lasting certificate authority and its SSH key."""

    root: Path

    @property
    def ca_dir(self) -> Path:
        """The certificate authority, as `tests.bench.azure.ca` keeps it."""
        return self.root / "ca"

    @property
    def ssh_key(self) -> Path:
        """The private key with which the bench enters its machines."""
        return self.root / "id_ed25519"

    @property
    def trusted(self) -> Trusted:
        """What has to be on a machine's disk."""
        public = self.ssh_key.with_suffix(".pub")
        return Trusted(authority=ca.ensure(self.ca_dir), ssh_key=public)


def get(cache: Cache) -> Keys:
    """Return the keys, making them once."""
    return Keys(cache.get("vm-keys", ["1"], _make))


def _make(target: Path) -> None:
    target.chmod(0o700)
    keys = Keys(target)
    ca.ensure(keys.ca_dir)
    comment = ("-C", "clawbot bench")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", *comment, "-f", str(keys.ssh_key))
