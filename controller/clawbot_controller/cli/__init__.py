"""`clawbot-controller`: one verb a module, loaded when it is called."""

from importlib import import_module
from typing import Final

import click

__all__ = ["main"]

# in the order in which an operator meets them; a verb pays for its own imports only
_VERBS: Final = {
    "example": ("describe", "example"),
    "schema": ("describe", "schema"),
    "check": ("check", "check"),
    "plan": ("plan", "plan"),
    "up": ("up", "up"),
    "status": ("status", "status"),
    "endpoint": ("status", "endpoint"),
    "logs": ("logs", "logs"),
    "stop": ("power", "stop"),
    "start": ("power", "start"),
    "reimage": ("power", "reimage"),
    "cost": ("cost", "cost"),
    "render": ("render", "render"),
    "destroy": ("destroy", "destroy"),
}


class _Verbs(click.Group):
    """A group that imports a verb's module only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        del ctx
        if cmd_name not in _VERBS:
            return None
        module, name = _VERBS[cmd_name]
        try:
            command = getattr(import_module(f"clawbot_controller.cli.{module}"), name)
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("azure"):
                raise
            # showing the help of the others must not fail for it
            return _without_sdk(cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command


def _without_sdk(verb: str) -> click.Command:
    def refuse() -> None:
        message = f"{verb} needs the SDK of Azure: pip install 'clawbot-agent[controller]'"
        raise click.ClickException(message)

    # what else is on the line is not what is wrong
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    needs = "Needs clawbot-agent[controller]."
    return click.Command(verb, callback=refuse, help=needs, context_settings=anything)


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clawbot-agent", prog_name="clawbot-controller")
def main() -> None:
    """Make and keep OpenClaw bots in Azure.

    FILE is a deployment file, one for each bot: 'example' prints one. Most verbs take several.
    Progress and errors go to stderr.

    \b
    Exit codes: 0 done, 1 failed (for one bot or more), 2 wrong usage or configuration,
                3 with plan --exit-code: something would change.
    """  # noqa: D301 - click reads the backspace as "do not rewrap"
