"""`clawbot-controller`: one verb a module, loaded when it is called."""

from importlib import import_module
from typing import Final

import click

__all__ = ["main"]

# verb → module and name; a verb pays for its own imports only
_VERBS: Final = {"render": ("clawbot_controller.cli.render", "render")}


class _Verbs(click.Group):
    """A group that imports a verb's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which an operator meets them."""
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
@click.version_option(package_name="clawbot-agent", prog_name="clawbot-controller")
def main() -> None:
    """Make and keep OpenClaw bots in Azure.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
    """  # noqa: D301 - click reads the backspace as "do not rewrap"
