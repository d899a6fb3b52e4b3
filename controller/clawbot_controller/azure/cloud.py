"""Where Azure is and how it is spoken to; everything that tests put something else for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport

from clawbot_controller.azure.errors import AzureError
from clawbot_controller.azure.patience import Patience

__all__ = ["ARM_URL", "Cloud", "Tell"]

ARM_URL: Final = "https://management.azure.com"
# tells the operator one line
Tell = Callable[[str], None]
_CONNECT_SECONDS: Final = 15
_READ_SECONDS: Final = 90
_OPERATION_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Azure, as one operator sees it.

    Attributes:
        credential: proves who the operator is.
        arm_url: base URL of Azure Resource Manager.
        vault_suffix: DNS suffix of Key Vault.
        verify: CA bundle to check certificates with; True = the ones of the machine.
        poll_seconds: between two looks at a long operation, unless Azure says how long.
        operation_seconds: after which a long operation is no longer waited for.
        sleep: waits so many seconds.
    """

    credential: TokenCredential
    arm_url: str = ARM_URL
    vault_suffix: str = "vault.azure.net"
    verify: bool | str = True
    poll_seconds: float = 5
    operation_seconds: float = _OPERATION_SECONDS
    sleep: Callable[[float], None] = time.sleep

    def options(self) -> dict[str, Any]:
        """What every client of the SDK is made with.

        The SDK's own retries are off: the policies of the error classes are the only ones.
        """
        return {
            "transport": _Transport(self.sleep, self.verify),
            "retry_policy": RetryPolicy.no_retries(),
        }

    def patience(self, tell: Tell) -> Patience:
        """Waits that are told."""

        def told(error: AzureError, seconds: float) -> None:
            tell(f"waits {seconds:.0f} s: {error.code}: {error.message}")

        return Patience(sleep=self.sleep, on_wait=told)


class _Transport(RequestsTransport):  # type: ignore[misc]  # azure-core exports it lazily
    """The SDK's own, with waits that somebody else may own."""

    def __init__(self, sleep: Callable[[float], None], verify: bool | str) -> None:  # noqa: FBT001 - as requests takes it
        """See the class."""
        super().__init__(
            connection_verify=verify,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
        )
        self._sleep = sleep

    def sleep(self, duration: float) -> None:
        """Wait between two looks at a long operation."""
        self._sleep(duration)
