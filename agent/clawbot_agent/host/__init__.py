"""The only interface to the machine.

Nothing outside this package starts a process, touches a file or reads the clock, except a
feature's `*_io` modules. A stage gets a `Host` and uses its ports; a test gives it fakes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clawbot_agent.host.machine import Host, system_host

__all__ = ["Host", "system_host"]


def __getattr__(name: str) -> object:
    # only when asked for: a child of `isolation` starts in a third of the time without them
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from clawbot_agent.host import machine  # noqa: PLC0415 - see above

    return getattr(machine, name)
