"""The lease's unit, and how others are tied to it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.core.constants import LEASE_UNIT
from clawbot_agent.features.mounts.units import RUNTIME_UNITS, unit_name

if TYPE_CHECKING:
    # who watches scheduled events needs the name alone, and is to stay small
    from clawbot_agent.config.model import BotConfig

__all__ = ["SHARE_DROP_IN", "share_drop_in"]

# in /run: after a boot the lease is not started before the agent has mounted the share
SHARE_DROP_IN: Final = RUNTIME_UNITS / f"{LEASE_UNIT}.d" / "share.conf"


def share_drop_in(config: "BotConfig") -> str:
    """Ties the lease's daemon to its share and tells it the paths."""
    share, state = config.share.path, config.state.path
    lines = ["[Unit]", f"RequiresMountsFor={_plain(share)}"]
    if config.share.azure_files is not None:
        mount = _plain(unit_name(Path(share)))
        # without the mount the daemon would find an empty directory on the local disk
        lines += [f"BindsTo={mount}", f"After={mount}", f"AssertPathIsMountPoint={_plain(share)}"]
    lines += [
        "",
        "[Service]",
        f'Environment="CLAWBOT_SHARE={_plain(share)}" "CLAWBOT_STATE={_plain(state)}"',
    ]
    return "\n".join((*lines, ""))


def _plain(text: str) -> str:
    return text.replace("%", "%%")
