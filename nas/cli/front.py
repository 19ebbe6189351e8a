"""`nas front`: the Pareto front of a study."""

import json
from pathlib import Path

import click

from nas import plugins
from nas.cli import options
from nas.cli.baseline_table import print_baselines
from nas.cli.declared_options import OptionsCommand
from nas.cli.front_table import print_below, print_front
from nas.exports.output_file import write_text
from nas.options import MIN_ACCURACY
from nas.results.front import as_json as result_as_json
from nas.results.front import dropped_from_front, front, results
from nas.results.limits import Limits
from nas.results.trade_off import trade_off
from nas.store.store import Store
from nas.study.baseline import as_json as baseline_as_json
from nas.study.baseline import compared, stored_baselines, trained_alike


@click.command("front", cls=OptionsCommand)
@options.storage
@options.study
@options.min_accuracy
@options.as_json
@click.option("--html", type=options.file_path, metavar="FILE", help="Write the front as a self-contained Plotly page.")
@click.option(
    "--full",
    is_flag=True,
    help="With --json: print an object with the front, the networks that confirmation took off it (fell_off), "
    "baselines, conclusion and metric.",
)
def command(
    storage: str, study: str | None, min_accuracy: float | None, as_json: bool, html: Path | None, full: bool
) -> None:
    """Show the Pareto front of accuracy against measured latency, the fastest first."""
    MIN_ACCURACY.check("min_accuracy", min_accuracy)
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        settings = record.settings.narrowed(Limits(min_accuracy=min_accuracy))
        study_results = results(store.trials(record.study_id), settings)
        baselines = stored_baselines(store, record.settings)
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "front")(record, study_results, baselines))
    members = front(study_results)
    baselines = [*trained_alike(baselines, members, record.settings)]
    comparisons, conclusion = compared(baselines, [member.losses for member in members], record.settings)
    conclusion = [*trade_off(members), *conclusion]
    by_name = {comparison.name: comparison for comparison in comparisons}
    baseline_rows = [baseline_as_json(baseline, by_name.get(baseline.name)) for baseline in baselines]
    member_rows = [result_as_json(member, members) for member in members]
    dropped_rows = [result_as_json(result, members) for result in dropped_from_front(study_results)]
    if as_json:
        whole = {"front": member_rows, "fell_off": dropped_rows, "baselines": baseline_rows, "conclusion": conclusion}
        click.echo(json.dumps({**whole, "metric": record.settings.metric} if full else member_rows))
        return
    click.echo(f"study {record.name}: {len(members)} of {len(study_results)} complete trials are on the front")
    objectives = [objective.name for objective in record.settings.objectives]
    measure = record.settings.metric_label
    print_front(member_rows, objectives, dropped_rows, measure)
    below = sum(result.is_below_min_accuracy for result in study_results)
    print_below(below, len(study_results), settings.limits.min_accuracy)
    print_baselines(baseline_rows, conclusion, objectives, len(members), measure)
    if html is not None:
        click.echo(f"wrote {html}")
