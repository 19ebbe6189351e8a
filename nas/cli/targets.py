"""`nas targets`: list the targets of latency measurements."""

import json

import click
from rich.table import Table

from nas import plugins
from nas.cli import options
from nas.cli.table import print_table


@click.command("targets")
@options.as_json
def command(as_json: bool) -> None:
    """List the latency targets: whether each works on this machine, if not why, and its options."""
    targets = {name: plugins.load(plugins.TARGETS, name) for name in plugins.names(plugins.TARGETS)}
    obstacles = {name: target.obstacle() for name, target in targets.items()}
    if as_json:
        listed = [
            {
                "target": name,
                "works": obstacles[name] is None,
                "obstacle": obstacles[name],
                "options": {option: list(values) or "a whole number" for option, values in target.valid.items()},
            }
            for name, target in targets.items()
        ]
        click.echo(json.dumps(listed))
        return
    table = Table("target", "on this machine", "options", box=None, pad_edge=False)
    for name, target in targets.items():
        option_texts = (f"{option}={'|'.join(values) or 'N'}" for option, values in target.valid.items())
        table.add_row(name, obstacles[name] or "works", ",".join(option_texts))
    print_table(table)
