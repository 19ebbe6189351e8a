"""`nas spaces`: list the installed search spaces, show one, check a space file."""

import random
import sys
from pathlib import Path

import click

from nas import plugins
from nas.cli.drawing import draw
from nas.errors import SpaceFileError
from nas.space import SearchSpace
from nas.space.loading import load_space


@click.group("spaces", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the search spaces with their stages, choices and number of architectures."""
    if context.invoked_subcommand is None:
        for name in plugins.names(plugins.SPACES):
            _describe(plugins.load(plugins.SPACES, name))


@command.command("show")
@click.argument("space", metavar="NAME|FILE")
@click.option(
    "--members", default=3, show_default=True, type=click.IntRange(0), help="Number of random members to draw."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the random members.")
def show(space: str, members: int, seed: int) -> None:
    """Show a space's choices and size, and draw a few random members."""
    search_space = load_space(space)
    _describe(search_space)
    generator = random.Random(seed)  # noqa: S311 - draws, not secrets
    for _ in range(members):
        click.echo()
        click.echo(draw(search_space.sample(generator)))


@command.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a space file. Prints a line for each mistake, with its line number and key."""
    try:
        space: SearchSpace = plugins.load(plugins.SPACE_FILES, "yaml")(file)
    except SpaceFileError as error:
        for mistake in error.mistakes:
            click.echo(f"nas: error: {mistake}", err=True)
        sys.exit(error.exit_code)
    click.echo(f"{file}: {len(space.stages)} stages, {space.size:,} architectures")


def _describe(space: SearchSpace) -> None:
    click.echo(f"{space.name}: {space.description}")
    click.echo(f"  {len(space.stages)} stages, {space.size:,} architectures, recipe {space.recipe}")
    blueprint = [
        f"{field} {' | '.join(map(str, options))}"
        for field, options in space.blueprint.fields.items()
        if list(options) != ["recipe"]
    ]
    if blueprint:
        click.echo(f"  blueprint: {'; '.join(blueprint)}")
    for number, stage in enumerate(space.stages, start=1):
        fields = (
            f"{field} {' | '.join(map(str, options))}"
            for field, options in stage.fields.items()
            if field in ("mixer", "depth", "width") or len(options) > 1
        )
        click.echo(f"  stage {number}: {'; '.join(fields)}")
    for line in space.constraints.lines():
        click.echo(f"  {line}")
    if space.variants:
        names = ", ".join(f"{variant.name} up to {largest_px:.0f} px" for largest_px, variant in space.variants[:-1])
        click.echo(
            f"  by image size: {names}, {space.variants[-1][1].name} above; the choices shown are those for 32 px"
        )
