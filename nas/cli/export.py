"""`nas export`: write one architecture, or all of a study's results, in a format for other programs."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import click

from nas import plugins
from nas.architecture.picture_size import Sides, parse_size, sides_of
from nas.cli import options
from nas.cli.declared_options import OptionsCommand
from nas.errors import ParameterError
from nas.exports.source import Source, source_of
from nas.options import MAX_LATENCY, MIN_ACCURACY
from nas.study.stored_study import Member, StoredStudy

# Parameters that select one of a study's trials, with their command-line options.
TRIAL_OPTIONS = {
    "how": "--pick",
    "study": "--study",
    "max_latency_ms": "--max-latency",
    "min_accuracy": "--min-accuracy",
}
# Parameters that apply to a single architecture and not to a whole study.
ARCHITECTURE_OPTIONS = {
    "how": "--pick",
    "max_latency_ms": "--max-latency",
    "min_accuracy": "--min-accuracy",
    "input_size": "--input-size",
    "raw_input": "--raw-input",
    "free_size": "--free-size",
}


class _Selection(NamedTuple):
    """The trial of a study, and the size of its network's images."""

    storage: str
    study: str | None
    how: str
    max_latency_ms: float | None
    min_accuracy: float | None
    input_size: str | None


@click.command("export", cls=OptionsCommand)
@click.argument("config", required=False, metavar="[CONFIG|FOLDER|MODEL]")
@options.storage
@options.study
@click.option(
    "--pick",
    "how",
    default="knee",
    show_default=True,
    metavar="knee|accuracy|latency|trial:N",
    help="Member of the front: the best trade-off, the most accurate or that of least latency, the fastest; or any "
    "complete trial by number.",
)
@options.max_latency
@options.min_accuracy
@click.option("--input-size", metavar="PX|HxW", help="Build the network for images of this size.")
@click.option(
    "--format",
    "form",
    default="yaml",
    show_default=True,
    metavar="FORMAT",
    help="yaml, json: the config. torch, timm: a folder with weights. onnx: an ONNX file. python: a Python file that "
    "needs only torch. table: all trials of a study as CSV, also for `nas simulate`.",
)
@click.option(
    "--raw-input",
    is_flag=True,
    help="onnx: take normalised images, not pictures of uint8; the file then says by its metadata how to normalise.",
)
@click.option(
    "--free-size",
    is_flag=True,
    help="onnx: take images of any height and width, unless the network is tied to one size.",
)
@click.option("--output", required=True, type=options.file_path, metavar="PATH", help="File or folder to write.")
def command(config: str | None, form: str, output: Path, raw_input: bool, free_size: bool, **selection: Any) -> None:
    """Export one architecture: a member of a study's front, a config file, an exported folder or a published model."""
    selected = _Selection(**selection)
    MAX_LATENCY.check("max_latency_ms", selected.max_latency_ms)
    MIN_ACCURACY.check("min_accuracy", selected.min_accuracy)
    study_formats = plugins.names(plugins.STUDY_EXPORTERS)
    if form not in study_formats:
        plugins.check(plugins.EXPORTERS, form, also=study_formats)
    for name, option in TRIAL_OPTIONS.items():
        if config is not None and options.is_given(name):
            raise ParameterError(
                f"{option} selects a trial of a study, but {config!r} is one network: give one of the two"
            )
    if form in study_formats:
        if config is not None:
            raise ParameterError(f"--format {form} exports a whole study, but {config!r} is one network: leave it out")
        for name, option in ARCHITECTURE_OPTIONS.items():
            if options.is_given(name):
                raise ParameterError(
                    f"{option} applies to one architecture, but --format {form} exports a whole study: leave it out"
                )
        stored = StoredStudy(selected.storage, selected.study)
        click.echo(plugins.load(plugins.STUDY_EXPORTERS, form)(stored.trials, stored.record, output))
        return
    description, chosen = _chosen(config, selected)
    with chosen as source:
        if selected.input_size is not None:
            source = source._replace(config=source.config.resized(*_parse_size(selected.input_size)))
        click.echo(description + source.export(output, form, raw_input=raw_input, free_size=free_size))


def _chosen(config: str | None, selected: _Selection) -> tuple[str, AbstractContextManager[Source]]:
    """The network to export, and a line that describes it where it is a study's."""
    if config is not None:
        return "", nullcontext(source_of(config))
    stored = StoredStudy(selected.storage, selected.study)
    member = stored.pick(selected.how, selected.max_latency_ms, selected.min_accuracy)
    return f"{_describe(member)}\n", member.source()


def _describe(member: Member) -> str:
    """Describe the exported trial and its figures in one line."""
    result, record = member.result, member.record
    seeds = "the search's own seed, not confirmed"
    if result.final is not None:
        tested = result.final.test_accuracy
        seeds = f"trained on {result.final.fidelity}" + ("" if tested is None else f", on the test part {tested:.4f}")
    elif result.is_confirmed:
        count = len(result.reported)
        seeds = f"{count} seed{'s' if count > 1 else ''}"
        seeds += "" if result.accuracy_std is None else f", sd {result.accuracy_std:.4f}"
    measure = record.settings.metric_label
    return (
        f"trial {result.trial.number} of study {record.name}: {measure} {result.accuracy:.4f} ({seeds}), "
        f"{result.latency.median:.3f} ms on {record.settings.target}"
    )


def _parse_size(text: str) -> Sides:
    """Parse `224` or `224x160`, height first, in px. Raises ParameterError for anything else."""
    try:
        return sides_of(parse_size(text))
    except ValueError as error:
        raise ParameterError(f"--input-size {error}") from error
