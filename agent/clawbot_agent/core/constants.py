"""Names and numbers on the instance that several packages use, each once."""

from typing import Final

__all__ = [
    "BOOT_UNIT",
    "GATEWAY_CONTAINER",
    "GATEWAY_PORT",
    "GATEWAY_UID",
    "GATEWAY_UNIT",
    "HEALTH_PORT",
    "LEASE_UNIT",
    "RECONCILE_TIMER",
    "RECONCILE_UNIT",
    "TICKET_TIMER",
]

BOOT_UNIT: Final = "clawbot-agent.service"
RECONCILE_UNIT: Final = "clawbot-reconcile.service"
RECONCILE_TIMER: Final = "clawbot-reconcile.timer"
GATEWAY_UNIT: Final = "clawbot-gateway.service"
LEASE_UNIT: Final = "clawbot-lease.service"
TICKET_TIMER: Final = "clawbot-ticket.timer"

GATEWAY_CONTAINER: Final = "openclaw-gateway"
GATEWAY_PORT: Final = 18789
# user `node` of the Node.js images
GATEWAY_UID: Final = 1000

# the health sidecar, on 127.0.0.1 and ::1 only
HEALTH_PORT: Final = 18790
