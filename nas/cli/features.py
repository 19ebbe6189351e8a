"""`nas features`: how well what needs no training ranks a study's architectures."""

import json
from dataclasses import asdict

import click
from rich.table import Table

from nas import plugins
from nas.audit import FEWEST, feature_ranks
from nas.cli import options
from nas.cli.table import print_note, print_table
from nas.store.store import Store


@click.command("features")
@options.study
@options.storage
@options.as_json
def command(study: str | None, storage: str, as_json: bool) -> None:
    """Show how a study's training-free features rank with its accuracies: Kendall's tau, and among the best quarter.

    Those that `nas search --feature` was asked for, and parameters and MACs, which every trial has on record.
    """
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        found = feature_ranks(store.trials(record.study_id), record.settings)
    if as_json:
        click.echo(json.dumps({"study": record.name, "features": [asdict(each) for each in found]}))
        return
    table = Table("feature", box=None, pad_edge=False)
    for heading in ("trials", "tau", "within the best quarter"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(each.feature, str(each.trials), f"{each.tau:.2f}", f"{each.tau_of_best:.2f}")
    click.echo(f"study {record.name}: rank correlation with accuracy")
    if found:
        print_table(table)
    else:
        print_note(f"features are ranked from {FEWEST} complete trials on")
    further = [name for name in plugins.names(plugins.FEATURES) if name not in {each.feature for each in found}]
    if further:
        print_note(f"`nas search --feature` also finds {', '.join(further)}")
