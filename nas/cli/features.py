"""`nas features`: rank correlation of training-free features with a study's accuracies."""

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
    """Show the rank correlation (Kendall's tau) of a study's training-free features with its accuracies.

    It is computed over all trials and over the most accurate quarter. The features are those that `nas search
    --feature` recorded, and parameters and MACs, which every trial records.
    """
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        trials = store.trials(record.study_id)
    ranks = feature_ranks(trials)
    if as_json:
        named = {"study": record.name, "metric": record.settings.metric}
        click.echo(json.dumps({**named, "features": [asdict(rank) for rank in ranks]}))
        return
    is_trained = any(trial.outcome is not None and trial.outcome.curve for trial in trials)
    target = record.settings.metric_label if is_trained else "scores found without training"
    click.echo(f"study {record.name}: rank correlation with {target}")
    print_features(ranks)
    further = [name for name in plugins.names(plugins.FEATURES) if name not in {rank.feature for rank in ranks}]
    if further:
        print_note(f"`nas search --feature` can also record {', '.join(further)}")
