"""`nas targets`: what latency can be measured on here."""

import json

import click
from rich.table import Table

from nas import plugins
from nas.cli import options
from nas.cli.table import print_table


@click.command("targets")
@options.as_json
def command(as_json: bool) -> None:
    """List the targets: whether each works on this machine, why not, and its options."""
    found = {name: plugins.load(plugins.TARGETS, name) for name in plugins.names(plugins.TARGETS)}
    obstacles = {name: target.obstacle() for name, target in found.items()}
    if as_json:
        listed = [
            {
                "target": name,
                "works": obstacles[name] is None,
                "obstacle": obstacles[name],
                "options": {option: list(values) or "a whole number" for option, values in target.valid.items()},
            }
            for name, target in found.items()
        ]
        click.echo(json.dumps(listed))
        return
    table = Table("target", "here", "options", box=None, pad_edge=False)
    for name, target in found.items():
        takes = (f"{option}={'|'.join(values) or 'N'}" for option, values in target.valid.items())
        table.add_row(name, obstacles[name] or "works", ",".join(takes))
    print_table(table)
