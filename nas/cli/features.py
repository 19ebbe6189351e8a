"""`nas features`: how well what needs no training ranks a study's architectures."""

import json
from dataclasses import asdict

import click

from nas import plugins
from nas.cli import options
from nas.cli.front_table import print_features
from nas.cli.table import print_note
from nas.results.rank_correlation import feature_ranks
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
        trials = store.trials(record.study_id)
    found = feature_ranks(trials)
    if as_json:
        click.echo(json.dumps({"study": record.name, "features": [asdict(each) for each in found]}))
        return
    is_trained = any(trial.outcome is not None and trial.outcome.curve for trial in trials)
    of = "accuracy" if is_trained else "scores, which no training led to"
    click.echo(f"study {record.name}: rank correlation with {of}")
    print_features(found)
    further = [name for name in plugins.names(plugins.FEATURES) if name not in {each.feature for each in found}]
    if further:
        print_note(f"`nas search --feature` also finds {', '.join(further)}")
