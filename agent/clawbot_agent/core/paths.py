"""Paths on the instance, each once."""

from pathlib import Path
from typing import Final

__all__ = [
    "BACKOFF_FILE",
    "BUNDLES_DIR",
    "CACHE_DIR",
    "CANDIDATE_STATE_DIR",
    "CONFIG_FILE",
    "CONSOLE",
    "DAEMON_JSON",
    "DOCKER_SOCKET",
    "DURATIONS_FILE",
    "EVENTS_FILE",
    "GATEWAY_SECRETS_DIR",
    "IMAGE_BUILD_DIR",
    "LEASE_FILE",
    "LEAVE_FILE",
    "LOCK_FILE",
    "REPLACEMENT_FILE",
    "SCHEDULED_EVENTS_FILE",
    "SECRETS_DIR",
    "SELF_REPAIRS_FILE",
    "STATUS_FILE",
    "SYSTEM_CA_BUNDLE",
    "TICKET_FILE",
]

CONFIG_FILE: Final = Path("/etc/clawbot/config.yaml")
DURATIONS_FILE: Final = Path("/var/lib/clawbot/durations.json")
REPLACEMENT_FILE: Final = Path("/var/lib/clawbot/replacement.json")
STATUS_FILE: Final = Path("/var/lib/clawbot/status.json")
# repairs, counted across boots for the metrics
SELF_REPAIRS_FILE: Final = Path("/var/lib/clawbot/self-repairs.json")
# what the timer's runs leave alone for a while
BACKOFF_FILE: Final = Path("/var/lib/clawbot/backoff.json")
BUNDLES_DIR: Final = Path("/var/lib/clawbot/bundles")
EVENTS_FILE: Final = Path("/var/log/clawbot/events.jsonl")
LOCK_FILE: Final = Path("/run/clawbot/run.lock")
LEASE_FILE: Final = Path("/run/clawbot/lease.json")
LEAVE_FILE: Final = Path("/run/clawbot/leave.json")
TICKET_FILE: Final = Path("/run/clawbot/ticket.json")
SCHEDULED_EVENTS_FILE: Final = Path("/run/clawbot/scheduled-events.json")
CONSOLE: Final = Path("/dev/console")

CACHE_DIR: Final = Path("/var/cache/clawbot")
IMAGE_BUILD_DIR: Final = Path("/var/lib/clawbot/image")
# state directory of a new gateway while it is tested, before it replaces the current one
CANDIDATE_STATE_DIR: Final = Path("/var/lib/clawbot/candidate")

# on disk, not in /run: the gateway must start after a reboot without Key Vault
SECRETS_DIR: Final = Path("/var/lib/clawbot/secrets")
# the only secrets that are mounted into the gateway's container (read-only)
GATEWAY_SECRETS_DIR: Final = SECRETS_DIR / "gateway"

DAEMON_JSON: Final = Path("/etc/docker/daemon.json")
DOCKER_SOCKET: Final = Path("/run/docker.sock")

# the instance's certificate authorities (as apt, curl and docker use), not a wheel's list
SYSTEM_CA_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
