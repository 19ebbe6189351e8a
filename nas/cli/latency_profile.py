"""`nas latency profile`: measure a designed set of a space's networks, so that the rest can be predicted."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.progress import track
from rich.table import Table

from nas import plugins
from nas.architecture import ModelInput
from nas.builder import Builder
from nas.cli import options
from nas.cli.meters import asked_meters
from nas.cli.table import print_table
from nas.errors import ParameterError
from nas.evaluation import Evaluation, EvaluationOptions
from nas.latency import device_profile
from nas.latency.device_profile import PredictionErrors
from nas.latency.latency_model import LatencyModel, features
from nas.latency.meter import calibrated
from nas.space import SearchSpace
from nas.space.loading import load_space
from nas.store.store import Store

MAX_NETWORKS = 64
# Where there is no terminal for a bar, progress is told after so many networks.
SAY_EVERY = 8


@click.command("profile")
@click.option("--space", "space_name", default="hybrid", show_default=True, metavar="NAME|FILE", help="Search space.")
@options.target
@click.option("--dataset", default="digits", show_default=True, metavar="NAME", help="As of `nas search`: its images.")
@click.option("--data-dir", type=options.file_path, metavar="DIR", help="Folder that holds the data set.")
@click.option("--input-size", type=click.IntRange(1), metavar="PX", help="Proxy image size, as of `nas search`.")
@click.option(
    "--networks",
    default=MAX_NETWORKS,
    show_default=True,
    type=click.IntRange(device_profile.FOLDS, MAX_NETWORKS),
    metavar="N",
    help="Networks to measure.",
)
@options.latency_precision
@options.time_limit
@options.ray_address
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="N", help="Seed of the design.")
@options.storage
@options.as_json
def command(
    space_name: str,
    target: str,
    dataset: str,
    data_dir: Path | None,
    input_size: int | None,
    networks: int,
    precision: float,
    limit_s: float,
    ray_address: str | None,
    seed: int,
    storage: str,
    as_json: bool,
) -> None:
    """Measure a designed set of a space's networks, fit the predictor that `nas search` uses, print what it gets wrong.

    What is on record is not measured again. Errors are those of networks left out of the fit.
    """
    (meter,) = asked_meters([target], precision, limit_s, ray_address)
    asked = EvaluationOptions(
        dataset=dataset, data_dir=data_dir, input_size_px=input_size, targets=(target,), ray_address=ray_address
    )
    evaluation: Evaluation = plugins.load(plugins.EVALUATORS, plugins.EVALUATOR)(asked, load_space(space_name))
    space = evaluation.space
    if space.size < device_profile.FOLDS:
        raise ParameterError(
            f"--space {space.name!r} has {space.size} members; at least {device_profile.FOLDS} are needed"
        )
    model_input = ModelInput.from_dict(evaluation.settings["latency_input"])
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    with Store.open(storage, create=True) as store:
        meter = calibrated(meter, store)
        going = device_profile.measure_design(space, model_input, builder, meter, store, networks, seed)
        shown = track(going, "measuring", total=networks, disable=as_json or not sys.stdout.isatty())
        found = []
        for member, taken in shown:
            found.append((member, taken.median))
            if (len(found) % SAY_EVERY == 0 or len(found) == networks) and not sys.stdout.isatty():
                click.echo(f"{len(found)} of {networks} networks", err=True)
        rows = [features(member, model_input, builder) for member, _ in found]
        errors = device_profile.cross_validate(rows, [latency_ms for _, latency_ms in found], seed)
        store.add_profile(space.name, space.key, meter.fingerprint(model_input), vars(errors), time.time())
    known = LatencyModel(rows, [latency_ms for _, latency_ms in found])
    costs = device_profile.per_block_ms(space, model_input, builder, known)
    if as_json:
        click.echo(json.dumps({"space": space.name, "target": target, "errors": vars(errors), "ms_per_block": costs}))
        return
    _show(space, target, costs, errors, known)


def _show(
    space: SearchSpace,
    target: str,
    costs: Mapping[str, Sequence[float | None]],
    errors: PredictionErrors,
    known: LatencyModel,
) -> None:
    widths = (stage.widths[len(stage.widths) // 2] for stage in space.stages)
    click.echo(f"milliseconds of one more block in each stage of {space.name} on {target}, by the predictor")
    table = Table("mixer", box=None, pad_edge=False)
    for number, width in enumerate(widths, start=1):
        table.add_column(f"stage {number}, width {width}", justify="right")
    for mixer, by_stage in costs.items():
        table.add_row(mixer, *("-" if cost is None else f"{cost:.4f}" for cost in by_stage))
    print_table(table)
    if any(cost is not None and cost < 0 for by_stage in costs.values() for cost in by_stage):
        click.echo("a cost below zero is one that the measured networks do not tell: more of them (--networks) would")
    click.echo(
        f"of {errors.networks} networks, each left out of a fit in turn: {errors.close:.0%} within 10%, typically "
        f"{errors.typical:.1%} off; {errors.covered:.0%} inside the 95% interval; Kendall's tau {errors.tau:.3f}"
    )
    click.echo(f"what the model leaves unexplained: {known.noise:.1%} of the time")
