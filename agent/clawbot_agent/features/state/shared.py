"""The backend `share`: files on the share, mounted a second time for the gateway's user.

The share's own mount has locks that the server enforces, with which SQLite does not work; this
mount has locks local to the instance (`nobrl`), which is safe because of the lease.
"""

from dataclasses import dataclass
from pathlib import Path

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.constants import GATEWAY_UID
from clawbot_agent.engine.actions import Action, MakeDirectory, Stored
from clawbot_agent.engine.actions import directory_actions as drift_actions
from clawbot_agent.engine.stage import Plan
from clawbot_agent.features.mounts.table import Mount, mounted_at
from clawbot_agent.features.mounts.units import unit_file
from clawbot_agent.features.share.options import state_options
from clawbot_agent.features.share.ticket import cruid
from clawbot_agent.features.state.directory import MODE, lease_required, would_be_hidden
from clawbot_agent.features.state.names import LOCAL_DIRECTORIES, files_directory
from clawbot_agent.features.state.units import (
    GATEWAY_DROP_IN,
    MountState,
    UnmountState,
    drop_in_actions,
    mount_drift,
    mount_text,
)
from clawbot_agent.host import Host
from clawbot_agent.records.lease import LEASE, LeaseReport, LeaseState


@dataclass(frozen=True, slots=True)
class SharedFacts:
    """Directory and mount as they are.

    Attributes:
        lease: the lease's report.
        there: whether the directory exists on the share.
        mount: what is mounted at the state directory.
        below: entries of the state directory if nothing is mounted there.
        unit, drop_in: texts of the mount unit and of the gateway's drop-in.
        scratch: OpenClaw's scratch directories on the local disk.
        cruid: owner of the Kerberos ticket.
    """

    lease: LeaseReport | None
    there: bool
    mount: Mount | None
    below: tuple[str, ...]
    unit: str | None
    drop_in: str | None
    scratch: tuple[tuple[Path, Stored | None], ...]
    cruid: int = 0


def probe(host: Host, config: BotConfig) -> SharedFacts:
    """Inspect the share, the mount table, the units and the scratch directories."""
    share, path = Path(config.share.path), Path(config.state.path)
    mounted = mounted_at(path, host.files)
    stats = ((where, host.files.stat(where)) for where in LOCAL_DIRECTORIES.values())
    return SharedFacts(
        lease=LEASE.load(host.files),
        there=host.files.stat(files_directory(share)) is not None,
        mount=mounted,
        below=host.files.list(path) if mounted is None else (),
        unit=host.files.read_text(unit_file(path)),
        drop_in=host.files.read_text(GATEWAY_DROP_IN),
        scratch=tuple((where, Stored(stat) if stat else None) for where, stat in stats),
        cruid=cruid(host.files),
    )


def plan(facts: SharedFacts, config: BotConfig) -> Plan:
    """Create the directories and mount."""
    path, files = Path(config.state.path), files_directory(Path(config.share.path))
    if facts.lease is None or facts.lease.state is not LeaseState.HELD:
        return Plan("", (lease_required(),))
    actions: list[Action] = []
    source, options = _source(config), state_options(config, cruid=facts.cruid)
    unit = mount_text(what=source, where=path, kind="cifs", options=options)
    if not facts.there:
        if facts.below:
            return Plan("", (would_be_hidden(path, facts.below),))
        actions.append(MakeDirectory(files, MODE, "for the bot data"))
    for where, found in facts.scratch:
        actions += drift_actions(where, found, mode=MODE, uid=GATEWAY_UID)
    mounted = "" if facts.mount is None else facts.mount.source
    if why := mount_drift(facts.mount, mounted, source, same_unit=facts.unit == unit):
        if facts.mount is None:
            actions.append(MakeDirectory(path, MODE, "mount point"))
        else:
            actions.append(UnmountState(path, why))
        actions.append(MountState(path, unit, source))
    actions += drop_in_actions(facts.drop_in, path, actions)
    return Plan(f"{source} is mounted", tuple(actions))


def _source(config: BotConfig) -> str:
    share = config.share.azure_files
    assert share is not None  # noqa: S101 - the configuration requires it for this backend
    below = files_directory(Path(config.share.path)).relative_to(config.share.path)
    return f"{share.unc}/{below}"
