"""`nas export`: one architecture, in the format that its next user reads."""

from pathlib import Path

import click

from nas import plugins
from nas.cli import options
from nas.errors import ParameterError
from nas.export.config import config_of
from nas.export.source import Source, source_of
from nas.results.front import Result, pick, results
from nas.store.store import Store, StudyRecord

# Parameters that choose among a study's trials, and how the user writes them.
CHOOSING = {"how": "--pick", "study": "--study", "max_latency_ms": "--max-latency"}
# Parameters that have no meaning where all of a study is written.
OF_ONE = {"how": "--pick", "max_latency_ms": "--max-latency", "input_size": "--input-size"}


@click.command("export")
@click.argument("config", required=False, metavar="[CONFIG|FOLDER|MODEL]")
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
@click.option("--input-size", metavar="PX|HxW", help="Build it for images of another size.")
@click.option(
    "--format",
    "form",
    default="yaml",
    show_default=True,
    metavar="FORMAT",
    help="yaml, json: the config. torch, timm: a folder with weights. onnx. python: one file that needs torch alone. "
    "table: all of a study's results, for nas simulate.",
)
@click.option("--output", required=True, type=options.file_path, metavar="PATH", help="File or folder to write.")
def command(
    config: str | None,
    storage: str,
    study: str | None,
    how: str,
    max_latency_ms: float | None,
    input_size: str | None,
    form: str,
    output: Path,
) -> None:
    """Write one architecture: picked from a study, or of a config file, an exported folder or a published model."""
    options.check_max_latency(max_latency_ms)
    whole = plugins.names(plugins.STUDY_EXPORTERS)
    if form not in whole:
        plugins.check(plugins.EXPORTERS, form, also=whole)
    for name, flag in CHOOSING.items():
        if config is not None and options.is_given(name):
            raise ParameterError(f"{flag} chooses from a study and {config!r} is one network: give one of them")
    if form in whole:
        if config is not None:
            raise ParameterError(f"--format {form} writes a study and {config!r} is one network: leave it out")
        for name, flag in OF_ONE.items():
            if options.is_given(name):
                raise ParameterError(
                    f"{flag} is of one architecture and --format {form} writes a whole study: leave it out"
                )
        with Store.open(storage, create=False) as store:
            record = store.study(study)
            click.echo(plugins.load(plugins.STUDY_EXPORTERS, form)(store.trials(record.study_id), record, output))
        return
    picked = ""
    if config is not None:
        source = source_of(config)
    else:
        result, record = _picked(storage, study, how, max_latency_ms)
        source = Source(config_of(result, record), None)
        picked = f"{_described(result, record)}\n"
    if input_size is not None:
        source = source._replace(config=source.config.resized(*_size(input_size)))
    click.echo(picked + plugins.load(plugins.EXPORTERS, form)(source.config, source.weights, output))


def _picked(storage: str, study: str | None, how: str, max_latency_ms: float | None) -> tuple[Result, StudyRecord]:
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        found = results(store.trials(record.study_id), record.settings)
    limited = [result for result in found if max_latency_ms is None or result.latency.median <= max_latency_ms]
    if found and not limited:
        fastest_ms = min(result.latency.median for result in found)
        raise ParameterError(f"--max-latency {max_latency_ms:g}: the study's fastest trial takes {fastest_ms:.3f} ms")
    return pick(limited, how), record


def _described(result: Result, record: StudyRecord) -> str:
    """Which trial is written, and the figures that it is judged by."""
    seeds = "the search's own seed, not confirmed"
    if result.is_confirmed:
        count = len(result.reported)
        seeds = f"{count} seed{'s' if count > 1 else ''}"
        seeds += "" if result.accuracy_std is None else f", sd {result.accuracy_std:.4f}"
    return (
        f"trial {result.trial.number} of study {record.name}: accuracy {result.accuracy:.4f} ({seeds}), "
        f"{result.latency.median:.3f} ms on {record.settings['target']}"
    )


def _size(text: str) -> tuple[int, int]:
    """`224` or `224x160`, height first. Raises ParameterError."""
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise ParameterError(f"--input-size {text!r} is neither pixels, such as 224, nor HEIGHTxWIDTH, such as 224x160")
    return int(sides[0]), int(sides[-1])
