"""`clawbot-controller example` and `schema`: what a deployment file may say."""

import click

from clawbot_controller.deployment.describe import example_text, schema_text


@click.command()
def example() -> None:
    """Print a commented deployment file with every key."""
    click.echo(example_text(), nl=False)


@click.command()
def schema() -> None:
    """Print the JSON Schema of a deployment file."""
    click.echo(schema_text(), nl=False)
