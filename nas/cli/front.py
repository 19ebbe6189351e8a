"""`nas front`: the Pareto front of a study."""

import json
from pathlib import Path

import click

from nas import plugins
from nas.cli import options
from nas.cli.front_table import print_front
from nas.front import as_json as result_as_json
from nas.front import fallen, front, results
from nas.objective import recorded_objectives
from nas.output_file import write_text
from nas.store.store import Store


@click.command("front")
@options.storage
@options.study
@options.as_json
@click.option("--html", type=options.file_path, metavar="FILE", help="Write the front as a self-contained Plotly page.")
def command(storage: str, study: str | None, as_json: bool, html: Path | None) -> None:
    """Show the Pareto front of accuracy against measured latency, the fastest first."""
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        found = results(store.trials(record.study_id), record.settings)
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "front")(record, found))
    members = front(found)
    shown = [result_as_json(each, members) for each in members]
    if as_json:
        click.echo(json.dumps(shown))
        return
    click.echo(f"study {record.name}: {len(members)} of {len(found)} complete trials are on the front")
    objectives = [each.name for each in recorded_objectives(record.settings)]
    print_front(shown, objectives, [result_as_json(each, members) for each in fallen(found)])
    if html is not None:
        click.echo(f"wrote {html}")
