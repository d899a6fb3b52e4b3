"""The operator's computer on the bench, where programs reach Azure's services by DNS name.

It runs in Azure's network namespace, with the bench's DNS and certificate authority, and has a
directory identity of its own with all permissions, which no instance has.
"""

import os
import subprocess
import uuid
from dataclasses import dataclass
from typing import Final

from tests.bench.azure import RESOURCE_GROUP, SUBSCRIPTION_ID, ca, serve
from tests.bench.bench import REPOSITORY, Bench
from tests.bench.network import DNS_ADDRESS

_CLIENT_ID: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "operator.client"))
_OBJECT_ID: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "operator.object"))
_RESOURCE_ID: Final = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/operator"
)
# a separate mount namespace: the host's resolv.conf stays unchanged
_WITH_DNS: Final = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


@dataclass(frozen=True, slots=True)
class Laptop:
    """The operator's computer.

    Args:
        bench: a running one.
    """

    bench: Bench

    def log_in(self) -> None:
        """Log in as the operator."""
        who = {"client_id": _CLIENT_ID, "object_id": _OBJECT_ID, "resource_id": _RESOURCE_ID}
        self.bench.azure.set("imds", identities=[who])

    def run(
        self, *argv: str, stdin: str | None = None, timeout: float = 3600
    ) -> subprocess.CompletedProcess[str]:
        """Run a program and wait for it."""
        resolver = self.bench.run_dir / "laptop.resolv.conf"
        resolver.write_text(f"nameserver {DNS_ADDRESS}\n")
        namespace = f"--net=/run/netns/{self.bench.network.azure_namespace}"
        inside = ("unshare", "--mount", "sh", "-c", _WITH_DNS, str(resolver), *argv)
        return subprocess.run(
            ("nsenter", namespace, *inside),
            input=stdin,
            cwd=REPOSITORY,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def controller(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `clawbot-controller` of this checkout."""
        program = REPOSITORY / ".venv/bin/clawbot-controller"
        return self.run(str(program), *arguments, stdin=stdin)

    def _environment(self) -> dict[str, str]:
        proxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
        kept = {name: value for name, value in os.environ.items() if name.upper() not in proxies}
        return {
            **kept,
            "AZURE_CLIENT_ID": _CLIENT_ID,
            "REQUESTS_CA_BUNDLE": str(ca.ensure(self.bench.run_dir / serve.CA_DIR)),
        }
