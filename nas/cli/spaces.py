"""`nas spaces`: the search spaces that are installed."""

import click

from nas import plugins
from nas.space import SearchSpace


@click.command("spaces")
def command() -> None:
    """List the search spaces: stages, choices and the number of architectures."""
    for name in plugins.names(plugins.SPACES):
        space: SearchSpace = plugins.load(plugins.SPACES, name)
        click.echo(f"{space.name}: {space.description}")
        click.echo(f"  {len(space.stages)} stages, {space.size:,} architectures")
        for number, stage in enumerate(space.stages, start=1):
            click.echo(
                f"  stage {number}: mixer {_listed(stage.mixers)}; depth {_listed(stage.depths)}; "
                f"width {_listed(stage.widths)}"
            )


def _listed(choices: tuple[str, ...] | tuple[int, ...]) -> str:
    return " | ".join(str(choice) for choice in choices)
