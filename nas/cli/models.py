"""`nas models`: list the published MetaFormers, check our implementations of them."""

import sys

import click
import yaml
from rich.table import Table

from nas import plugins
from nas.builder import Builder
from nas.cli.drawing import draw
from nas.cli.table import print_table
from nas.exports.published import PublishedModel, published_model, published_models
from nas.exports.source import published_config

# Relative; published MACs are rounded to 10^5.
MACS_TOLERANCE = 1e-3


@click.group("models", invoke_without_command=True)
@click.option(
    "--check", is_flag=True, help="Count each model's parameters and MACs, and compare them with the published figures."
)
@click.pass_context
def command(context: click.Context, check: bool) -> None:
    """List the published MetaFormers; with --check, compare our implementations with them.

    --check exits with 1 if a model differs.
    """
    if context.invoked_subcommand is not None:
        return
    if check:
        sys.exit(0 if _check() else 1)
    table = Table("model", "mixers", "recipe", "depths", "widths", box=None, pad_edge=False)
    for heading in ("parameters", "frozen", "MACs G", "top-1 %"):
        table.add_column(heading, justify="right")
    for model in published_models().values():
        table.add_row(
            model.name,
            model.architecture.layout,
            model.architecture.recipe,
            "-".join(str(stage.depth) for stage in model.architecture.stages),
            "-".join(str(stage.width) for stage in model.architecture.stages),
            f"{model.parameters:,}",
            f"{model.frozen:,}",
            f"{model.gmacs:.4f}",
            f"{model.top1:.1f}",
        )
    print_table(table)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print a published model's config as YAML.

    The format is that of `nas export --format yaml`.
    """
    model = published_model(name)
    click.echo("\n".join(f"# {line}" for line in draw(model.architecture).splitlines()))
    click.echo(yaml.safe_dump(published_config(model).to_dict(), sort_keys=False), nl=False)


def _check() -> bool:
    """Print counted beside published figures for each model, and return whether all agree."""
    table = Table("model", box=None, pad_edge=False)
    for heading in ("parameters", "published", "frozen", "published", "MACs G", "published"):
        table.add_column(heading, justify="right")
    table.add_column("")
    verdicts = [_check_one(model, table) for model in published_models().values()]
    print_table(table)
    click.echo(f"{sum(verdicts)} of {len(verdicts)} agree")
    return all(verdicts)


def _check_one(model: PublishedModel, table: Table) -> bool:
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    cost = builder.cost(model.architecture, model.model_input)
    agrees = (
        cost.parameters == model.parameters
        and cost.frozen == model.frozen
        and abs(cost.macs / 1e9 - model.gmacs) <= MACS_TOLERANCE * model.gmacs
    )
    table.add_row(
        model.name,
        f"{cost.parameters:,}",
        f"{model.parameters:,}",
        f"{cost.frozen:,}",
        f"{model.frozen:,}",
        f"{cost.macs / 1e9:.4f}",
        f"{model.gmacs:.4f}",
        "same" if agrees else "DIFFERENT",
    )
    return agrees
