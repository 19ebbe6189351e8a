"""`nas latency profile`: measure a selection of a space's networks and fit the latency model that predicts the rest."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.progress import track
from rich.table import Table

from nas import plugins
from nas.builder import Builder
from nas.cli import options
from nas.cli.declared_options import OptionsCommand, options_from, with_options
from nas.cli.meters import requested_meters
from nas.cli.table import print_table
from nas.errors import ParameterError
from nas.evaluation import Evaluation
from nas.latency import device_profile
from nas.latency.device_profile import PredictionErrors
from nas.latency.latency_model import LatencyModel, features
from nas.latency.meter import calibrated
from nas.options import check_options
from nas.space import SearchSpace
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study.search_options import SearchOptions

MAX_NETWORKS = 64
# Networks from one line of progress to the next, without a terminal for a bar.
PROGRESS_INTERVAL = 8
# The options of a search that decide what is measured, and how.
OF_SEARCH = (
    *("space", "dataset", "data_dir", "follow_links", "empty_classes", "skip_unreadable", "input_size_px"),
    *("colour", "max_pixels", "latency_precision", "ray_address", "seed", "storage"),
)


@click.command("profile", cls=OptionsCommand)
@with_options(SearchOptions, OF_SEARCH)
@options.target
@click.option(
    "--networks",
    default=MAX_NETWORKS,
    show_default=True,
    type=click.IntRange(device_profile.FOLDS, MAX_NETWORKS),
    metavar="N",
    help="Number of networks to measure.",
)
@options.time_limit
@options.as_json
def command(target: str, networks: int, limit_s: float, as_json: bool, **parameters: Any) -> None:
    """Fit the latency model of a space on a target.

    Measures a selection of the space's networks, as far as they are not recorded, fits the model with which `nas
    search` predicts the rest, and prints its cross-validated errors.
    """
    wanted = options_from(SearchOptions, parameters, targets=(target,))
    check_options(wanted)
    (meter,) = requested_meters([target], wanted.latency_precision, limit_s, wanted.ray_address)
    evaluation: Evaluation = plugins.load(plugins.EVALUATORS, plugins.EVALUATOR)(
        wanted.evaluation, load_space(wanted.space)
    )
    space = evaluation.space
    if space.size < device_profile.FOLDS:
        raise ParameterError(
            f"--space {space.name!r} has {space.size} members; at least {device_profile.FOLDS} are needed"
        )
    model_input = evaluation.facts.latency_input
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    with Store.open(wanted.storage, create=True) as store:
        meter = calibrated(meter, store)
        measured = device_profile.measure_design(space, model_input, builder, meter, store, networks, wanted.seed)
        tracked = track(measured, "measuring", total=networks, disable=as_json or not sys.stdout.isatty())
        rows, latencies_ms = [], []
        for count, (member, measurement) in enumerate(tracked, start=1):
            rows.append(features(member, model_input, builder))
            latencies_ms.append(measurement.median)
            if (count % PROGRESS_INTERVAL == 0 or count == networks) and not sys.stdout.isatty():
                click.echo(f"{count} of {networks} networks", err=True)
        errors = device_profile.cross_validate(rows, latencies_ms, wanted.seed)
        store.add_profile(space.name, space.key, meter.fingerprint(model_input), vars(errors), time.time())
    model = LatencyModel(rows, latencies_ms)
    costs_ms = device_profile.per_block_ms(space, model_input, builder, model)
    if as_json:
        click.echo(
            json.dumps({"space": space.name, "target": target, "errors": vars(errors), "ms_per_block": costs_ms})
        )
        return
    _show(space, target, costs_ms, errors, model)


def _show(
    space: SearchSpace,
    target: str,
    costs_ms: Mapping[str, Sequence[float | None]],
    errors: PredictionErrors,
    model: LatencyModel,
) -> None:
    widths = (stage.widths[len(stage.widths) // 2] for stage in space.stages)
    click.echo(f"predicted milliseconds of one more block in each stage of {space.name} on {target}")
    table = Table("mixer", box=None, pad_edge=False)
    for number, width in enumerate(widths, start=1):
        table.add_column(f"stage {number}, width {width}", justify="right")
    for mixer, by_stage in costs_ms.items():
        table.add_row(mixer, *("-" if cost is None else f"{cost:.4f}" for cost in by_stage))
    print_table(table)
    if any(cost is not None and cost < 0 for by_stage in costs_ms.values() for cost in by_stage):
        click.echo("a cost below zero is not significant: raise --networks to estimate it")
    click.echo(
        f"prediction errors of {errors.networks} networks, each left out of a fit in turn: {errors.close:.0%} are "
        f"within 10%, the median is {errors.typical:.1%}; {errors.covered:.0%} are inside the 95% interval; "
        f"Kendall's tau {errors.tau:.3f}"
    )
    click.echo(f"residual noise of the fit: {model.noise:.1%} of the latency")
