"""`clawbot-controller check`: whether deployment files are good, without asking Azure."""

from pathlib import Path

import click

from clawbot_controller.cli.common import files, load


@click.command()
@files
def check(files: tuple[Path, ...]) -> None:
    """Check FILES; exit 2 with one `path: problem` line each if they cannot be used."""
    load(files)
    for path in files:
        click.echo(f"{path}: ok")
