"""`clawbot-agent hold-lease`: the lease daemon, run by clawbot-lease.service."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clawbot_agent.cli.common import canceled_by_signals, require_root

if TYPE_CHECKING:
    from clawbot_agent.features.lease.daemon import LeaseDaemon

# the daemon has no deadline; this many seconds are a hundred years
_FOREVER: Final = 3.2e9
_DIRECTORY_PROGRAM: Final = "clawbot_agent.features.lease.directory_io"
_HOST_NAME: Final = Path("/proc/sys/kernel/hostname")


@click.command("hold-lease", hidden=True)
@click.option("--share", type=click.Path(path_type=Path), required=True, help="The share's path.")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="The state's path.")
def hold_lease(*, share: Path, state: Path) -> None:
    """Wait for the lease, hold it, and fence this instance when it is lost.

    Run by systemd (clawbot-lease.service), which the stage "lease" starts.
    Exit 0: stopped, the lease is released. Exit 75: the lease is lost.
    """
    require_root()
    raise click.exceptions.Exit(_daemon(share, state).run())


def _daemon(share: Path, state: Path) -> "LeaseDaemon":
    # only this verb pays for these
    from clawbot_agent.features.lease.daemon import LeaseDaemon  # noqa: PLC0415
    from clawbot_agent.features.lease.machine import LocalMachine  # noqa: PLC0415
    from clawbot_agent.features.lease.share_process_io import ShareProcess  # noqa: PLC0415
    from clawbot_agent.features.state import names  # noqa: PLC0415
    from clawbot_agent.host import system_host  # noqa: PLC0415
    from clawbot_agent.host.identity import identity  # noqa: PLC0415
    from clawbot_agent.host.isolation import Isolation, program  # noqa: PLC0415
    from clawbot_agent.host.systemd import Notifier  # noqa: PLC0415
    from clawbot_agent.records.lease import Holder  # noqa: PLC0415

    # not canceled by the daemon's signals: it fences then
    host = system_host(deadline=_FOREVER)
    me = identity(host.files)
    named = (host.files.read_text(_HOST_NAME) or "unknown").strip()
    lease, images = names.lease_directory(share), names.image_directory(share)
    directories = (str(lease), str(images), names.IMAGE_PATTERN)
    return LeaseDaemon(
        me=Holder.of(
            instance_id=me.instance_id, boot_id=me.boot_id, host=named, now=host.clock.now()
        ),
        share=ShareProcess(Isolation(program(_DIRECTORY_PROGRAM, *directories))),
        machine=LocalMachine(host, Notifier.from_environment(), share, state, click.echo),
        clock=host.clock,
        stop=canceled_by_signals(),
    )
