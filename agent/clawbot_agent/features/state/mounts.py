"""What of the state goes into the gateway's container beside the state itself."""

from clawbot_agent.config.model import BotConfig
from clawbot_agent.features.state.names import LOCAL_DIRECTORIES

__all__ = ["local_binds"]


def local_binds(config: BotConfig, *, inside: str) -> tuple[str, ...]:
    """Binds that keep OpenClaw's scratch directories off the share; none with other backends.

    `inside` is the state's path in the container.
    """
    if config.state_backend != "share":
        return ()
    return tuple(f"{path}:{inside}/{name}" for name, path in LOCAL_DIRECTORIES.items())
