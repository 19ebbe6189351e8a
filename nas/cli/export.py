"""`nas export`: the config of one architecture."""

from pathlib import Path

import click

from nas import plugins
from nas.cli import options
from nas.export.config import config_of
from nas.front import pick, results
from nas.store.store import Store


@click.command("export")
@options.storage
@options.study
@click.option(
    "--pick",
    "how",
    default="knee",
    show_default=True,
    metavar="knee|accuracy|latency|trial:N",
    help="Of the front: the best trade-off, the most accurate, the fastest; or any complete trial by number.",
)
@options.max_latency
@click.option("--format", "form", default="yaml", show_default=True, metavar="FORMAT", help="yaml, json or torch.")
@click.option("--output", required=True, type=options.file_path, metavar="PATH", help="File to write.")
def command(storage: str, study: str | None, how: str, max_latency_ms: float | None, form: str, output: Path) -> None:
    """Write the config of one architecture of a study."""
    options.check_max_latency(max_latency_ms)
    plugins.check(plugins.EXPORTERS, form)
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        found = results(store.trials(record.study_id), record.settings["max_latency_ms"])
    limited = [result for result in found if max_latency_ms is None or result.latency.median <= max_latency_ms]
    chosen = pick(limited, how)
    click.echo(plugins.load(plugins.EXPORTERS, form)(config_of(chosen, record), output))
