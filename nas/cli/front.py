"""`nas front`: the Pareto front of a study."""

import json
from pathlib import Path

import click

from nas import plugins
from nas.baselines.baseline import as_json as baseline_as_json
from nas.baselines.baseline import compared, stored_baselines
from nas.cli import options
from nas.cli.baseline_table import print_baselines
from nas.cli.front_table import print_front
from nas.export.output_file import write_text
from nas.objective import recorded_objectives
from nas.results.front import as_json as result_as_json
from nas.results.front import dropped_from_front, front, results
from nas.store.store import Store


@click.command("front")
@options.storage
@options.study
@options.as_json
@click.option("--html", type=options.file_path, metavar="FILE", help="Write the front as a self-contained Plotly page.")
@click.option("--full", is_flag=True, help="With --json: an object of front, fell_off, baselines and conclusion.")
def command(storage: str, study: str | None, as_json: bool, html: Path | None, full: bool) -> None:
    """Show the Pareto front of accuracy against measured latency, the fastest first."""
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        found = results(store.trials(record.study_id), record.settings)
        baselines = stored_baselines(store, record.settings)
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "front")(record, found, baselines))
    members = front(found)
    comparisons, conclusion = compared(baselines, [each.losses for each in members], record.settings)
    beside = {each.name: each for each in comparisons}
    known = [baseline_as_json(each, beside.get(each.name)) for each in baselines]
    shown = [result_as_json(each, members) for each in members]
    dropped = [result_as_json(each, members) for each in dropped_from_front(found)]
    if as_json:
        whole = {"front": shown, "fell_off": dropped, "baselines": known, "conclusion": conclusion}
        click.echo(json.dumps(whole if full else shown))
        return
    click.echo(f"study {record.name}: {len(members)} of {len(found)} complete trials are on the front")
    objectives = [each.name for each in recorded_objectives(record.settings)]
    print_front(shown, objectives, dropped)
    print_baselines(known, conclusion, objectives, len(members))
    if html is not None:
        click.echo(f"wrote {html}")
