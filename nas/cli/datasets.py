"""`nas datasets`: list the data sets, inspect one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from nas import plugins
from nas.cli import options
from nas.cli.declared_options import OptionsCommand, options_from, with_options
from nas.cli.table import print_note, print_table
from nas.exports.inspection import Inspection, Inspector, skipped_text
from nas.exports.output_file import write_text
from nas.options import check_options
from nas.study.search_options import SearchOptions

INSPECTOR = "pictures"
# Pictures of each class on the page.
THUMBNAILS = 12
# The options of a search that decide which pictures are used.
OF_SEARCH = ("data_dir", "download", "follow_links", "empty_classes", "skip_unreadable", "check_pictures")


@click.group("datasets", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the data sets by name; `inspect` shows one as a search would use it."""
    if context.invoked_subcommand is None:
        for name in plugins.names(plugins.DATASETS):
            click.echo(name)


@command.command("inspect", cls=OptionsCommand)
@click.argument("dataset", metavar="NAME[:PATH]")
@with_options(SearchOptions, OF_SEARCH)
@click.option(
    "--html", type=options.file_path, metavar="FILE", help="Write some pictures of each class as a self-contained page."
)
@options.as_json
def inspect(dataset: str, html: Path | None, as_json: bool, **parameters: Any) -> None:
    """Show the pictures of each class that a search would use, their sizes and modes, and what is skipped and why."""
    wanted = options_from(SearchOptions, parameters, dataset=dataset)
    check_options(wanted)
    plugins.check(plugins.DATASETS, dataset.partition(":")[0])
    inspector: Inspector = plugins.load(plugins.INSPECTORS, INSPECTOR)
    # There is no database here, beside which an index could be.
    evaluation = replace(wanted.evaluation, index_folder=None)
    inspection = inspector(evaluation, 0 if html is None else THUMBNAILS)
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "pictures")(inspection))
    if as_json:
        click.echo(json.dumps(inspection.as_json()))
    else:
        _show(inspection)


def _show(inspection: Inspection) -> None:
    click.echo(f"{inspection.dataset}: {inspection.message}")
    parts = list(dict.fromkeys(part for entry in inspection.classes for part in entry.pictures))
    table = Table("class", box=None, pad_edge=False)
    for part in parts:
        table.add_column(part, justify="right")
    for heading in ("smallest", "median", "largest", "modes", "skipped"):
        table.add_column(heading)
    for entry in inspection.classes:
        sizes = [f"{width_px}x{height_px}" for width_px, height_px in entry.sizes] or ["-"] * 3
        modes = ", ".join(f"{mode} {count:,}" for mode, count in entry.modes.items())
        counts = [f"{entry.pictures.get(part, 0):,}" for part in parts]
        table.add_row(entry.name, *counts, *sizes, modes or "-", skipped_text(entry.skipped) or "-")
    print_table(table)
    if inspection.skipped:
        print_note(f"in no class: {skipped_text(inspection.skipped)}")
