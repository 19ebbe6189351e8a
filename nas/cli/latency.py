"""`nas latency`: measure networks outside of a search, compare two, list recorded measurements."""

import json
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from nas import plugins
from nas.cli import latency_profile, options
from nas.cli.meters import requested_meters
from nas.cli.table import print_table
from nas.exports.source import source_of
from nas.latency import meter as latency
from nas.latency.meter import Deployment
from nas.objective import Measurement
from nas.store.store import Store

IMPRECISE = "the requested precision was not reached within the time limit"
IMPRECISE_HINT = f"{IMPRECISE}: raise --time-limit"
# Target options in a fingerprint that distinguish measurements of one machine.
TARGET_OPTIONS = ("threads", "batch", "precision", "channels_last")


@click.group("latency", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Measure networks on a target, compare two, list recorded measurements."""
    # SIGTERM acts like Ctrl-C, so that a measurement removes its files and ends its processes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


command.add_command(latency_profile.command)


@command.command("measure")
@click.argument("names", nargs=-1, required=True, metavar="CONFIG|FOLDER|MODEL...")
@options.targets
@options.latency_precision
@options.time_limit
@options.ray_address
@click.option("--again", is_flag=True, help="Measure anew, even networks with a recorded measurement.")
@options.storage
@options.as_json
def measure(
    names: tuple[str, ...],
    targets: tuple[str, ...],
    precision: float,
    limit_s: float,
    ray_address: str | None,
    again: bool,
    storage: str,
    as_json: bool,
) -> None:
    """Measure networks and record the figures.

    Trainings on this machine pause meanwhile. A network whose recorded measurement is as precise as requested is not
    measured again.
    """
    deployments = {name: _deployment(name) for name in names}
    started = time.time()
    meters = list(zip(targets, requested_meters(targets, precision, limit_s, ray_address), strict=True))
    measurements, recorded = [], []
    with Store.open(storage, create=True) as store:
        for target, meter in [(target, latency.calibrated(meter, store)) for target, meter in meters]:
            for name, deployment in deployments.items():
                measurement = latency.measure(deployment, meter, store, precision=precision, again=again)
                measurements.append((name, measurement))
                recorded += [f"{name} on {target}"] if measurement.taken_at < started else []
    _show(measurements, as_json, IMPRECISE_HINT)
    if recorded and not as_json:
        click.echo(f"recorded earlier (--again measures anew): {', '.join(dict.fromkeys(recorded))}")


@command.command("compare")
@click.argument("one", metavar="CONFIG|FOLDER|MODEL")
@click.argument("other", metavar="CONFIG|FOLDER|MODEL")
@options.target
@options.latency_precision
@options.time_limit
@options.ray_address
@options.as_json
def compare(
    one: str, other: str, target: str, precision: float, limit_s: float, ray_address: str | None, as_json: bool
) -> None:
    """Measure two networks in turns and compare them.

    Prints the ratio of their latencies with its confidence interval.
    """
    (meter,) = requested_meters([target], precision, limit_s, ray_address)
    deployments = _deployment(one), _deployment(other)
    comparison = latency.compare(*deployments, meter)
    inputs = [str(meter.fingerprint(deployment.on(meter).model_input)["input"]) for deployment in deployments]
    is_precise = comparison.high - comparison.ratio <= precision * comparison.ratio
    if as_json:
        shown = {
            "one": one,
            "other": other,
            "target": target,
            "inputs": inputs,
            "ratio": comparison.ratio,
            "low": comparison.low,
            "high": comparison.high,
            "rounds": comparison.rounds,
            "thrown": comparison.discarded,
            "precise": is_precise,
        }
        click.echo(json.dumps(shown))
        return
    click.echo(
        f"{one} takes {comparison.ratio:.3f} times as long as {other} on {target} (95% confidence {comparison.low:.3f} "
        f"to {comparison.high:.3f}; {comparison.rounds} rounds, {comparison.discarded} discarded)"
    )
    if inputs[0] != inputs[1]:
        click.echo(f"the inputs differ: {inputs[0]} for {one}, {inputs[1]} for {other}{_input_hint(inputs)}")
    if not is_precise:
        click.echo(IMPRECISE_HINT)


@command.command("list")
@click.option("--target", metavar="NAME", help="List only measurements on this target, such as cpu, with any options.")
@click.option("--key", default="", metavar="KEY", help="List only architectures whose key starts with this.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Maximum number of measurements to list.")
@options.storage
@options.as_json
def list_(target: str | None, key: str, limit: int | None, storage: str, as_json: bool) -> None:
    """List the recorded measurements, the newest first."""
    if target is not None:
        plugins.check(plugins.TARGETS, target)
    with Store.open(storage, create=False) as store:
        measurements = [
            ("reference" if architecture is None else f"{architecture.layout} {architecture.key[:12]}", measurement)
            for architecture, measurement, _ in store.measurements()
            if target in (None, measurement.fingerprint.get("target"))
            and (not key or (architecture is not None and architecture.key.startswith(key)))
        ]
    _show(measurements[:limit], as_json, IMPRECISE)


def _deployment(name: str) -> Deployment:
    config = source_of(name).config
    return Deployment(config.architecture, config.model_input, config.builder)


def _input_hint(inputs: Sequence[str]) -> str:
    """Advise how to compare at one input, if two inputs `CxHxW` have the same channels."""
    (one, _, _), (other, _, _) = (text.split("x") for text in inputs)
    return "; the target option size=PX sets one size for both" if one == other else ""


def _show(measurements: list[tuple[str, Measurement]], as_json: bool, imprecise: str) -> None:
    if as_json:
        click.echo(
            json.dumps([{"network": name, **measurement_as_json(measurement)} for name, measurement in measurements])
        )
        return
    table = Table("network", "target", "input", box=None, pad_edge=False)
    for heading in ("median ms", "+-", "p90", "p99", "rounds", "discarded", "drift", "measured"):
        table.add_column(heading, justify="right")
    for name, measurement in measurements:
        table.add_row(
            name,
            target_label(measurement.fingerprint),
            str(measurement.fingerprint.get("input", "")),
            f"{measurement.median:.3f}",
            f"{measurement.relative_half_width:.1%}" + ("" if measurement.is_precise else " !"),
            f"{measurement.quantile(0.9):.3f}",
            f"{measurement.quantile(0.99):.3f}",
            str(measurement.count),
            str(measurement.discarded),
            f"{measurement.drift:+.1%}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(measurement.taken_at)),
        )
    print_table(table)
    if not all(measurement.is_precise for _, measurement in measurements):
        click.echo(f"!: {imprecise}")


def target_label(fingerprint: Mapping[str, str | int]) -> str:
    """Label a fingerprint's target, with the options that distinguish measurements of one machine."""
    shown = (f"{name}={fingerprint[name]}" for name in TARGET_OPTIONS if name in fingerprint)
    return f"{fingerprint.get('target', '')}:{','.join(shown)}"


def measurement_as_json(measurement: Measurement) -> dict[str, Any]:
    """Return the JSON object of a measurement in the lists of `--json`."""
    low, high = measurement.interval
    return {
        "latency_ms": measurement.median,
        "low_ms": low,
        "high_ms": high,
        "p90_ms": measurement.quantile(0.9),
        "p99_ms": measurement.quantile(0.99),
        "rounds": measurement.count,
        "thrown": measurement.discarded,
        "drift": measurement.drift,
        "precise": measurement.is_precise,
        "taken_at": measurement.taken_at,
        "fingerprint": dict(measurement.fingerprint),
    }
