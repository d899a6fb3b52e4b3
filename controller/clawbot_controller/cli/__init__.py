"""The commands of `clawbot-controller`, each loaded when it is called."""

from importlib import import_module
from typing import Final

import click

# command → module, in the order of use; a command imports only what it needs
COMMANDS: Final = {
    "example": "files",
    "schema": "files",
    "check": "files",
    "plan": "deploy",
    "up": "deploy",
    "status": "observe",
    "endpoint": "observe",
    "logs": "observe",
    "stop": "power",
    "start": "power",
    "reimage": "power",
    "cost": "files",
    "render": "files",
    "destroy": "deploy",
}


class _LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        try:
            module = import_module(f"clawbot_controller.cli.{COMMANDS[cmd_name]}")
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("azure"):
                raise
            # the help of the other commands still works
            return _without_sdk(cmd_name)
        command: click.Command = getattr(module, cmd_name)
        return command


def _without_sdk(name: str) -> click.Command:
    def refuse() -> None:
        message = f"{name} needs the Azure SDK: run pip install 'clawbot-agent[controller]'"
        raise click.ClickException(message)

    # do not report the arguments as wrong
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    needs = "Requires clawbot-agent[controller]."
    return click.Command(name, callback=refuse, help=needs, context_settings=anything)


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clawbot-agent", prog_name="clawbot-controller")
def main() -> None:
    """Create and manage OpenClaw bots in Azure.

    FILE is a deployment file, one for each bot; 'example' prints one. Most commands accept several
    files. Progress and errors are printed to stderr.

    \b
    Exit codes: 0 success, 1 failure for at least one bot, 2 invalid usage or configuration,
                3 with plan --exit-code: 'up' would change something.
    """  # noqa: D301 - click reads the backspace as "do not rewrap"
