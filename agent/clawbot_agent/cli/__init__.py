"""`clawbot-agent`: one module per verb, loaded when the verb is called."""

from importlib import import_module
from typing import Final

import click

from clawbot_agent import __version__

# verb → module and name; a verb pays for its own imports only
_VERBS: Final = {
    "run": ("clawbot_agent.cli.run", "run"),
    "plan": ("clawbot_agent.cli.plan", "plan"),
    "status": ("clawbot_agent.cli.status", "status"),
    "analyze": ("clawbot_agent.cli.analyze", "analyze"),
    "logs": ("clawbot_agent.cli.logs", "logs"),
    "collect": ("clawbot_agent.cli.collect", "collect"),
    "serve": ("clawbot_agent.cli.serve", "serve"),
    "leave": ("clawbot_agent.cli.leave", "leave"),
    "config": ("clawbot_agent.cli.config", "config_group"),
    "refresh-ticket": ("clawbot_agent.cli.refresh_ticket", "refresh_ticket"),
    "watch-events": ("clawbot_agent.cli.watch_events", "watch_events"),
    "hold-lease": ("clawbot_agent.cli.hold_lease", "hold_lease"),
}


class _Verbs(click.Group):
    """A group that imports a verb's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return them in the order in which an operator needs them."""
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        del ctx
        if cmd_name not in _VERBS:
            return None
        module, name = _VERBS[cmd_name]
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clawbot-agent")
def main() -> None:
    """Turn this instance into an OpenClaw bot, keep it one, and report its health.

    \b
    Exit codes: 0 converged (also degraded, unless --strict), 1 failed,
    2 wrong usage or configuration, 3 'plan --exit-code' found changes,
    4 another run is under way, or the instance is shutting down.
    """  # noqa: D301 - click reads the backspace as "do not rewrap"
