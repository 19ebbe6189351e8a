"""`nas latency`: measure networks outside of a search, compare two, and list what is on record."""

import json
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from nas import plugins
from nas.cli import latency_profile, options
from nas.cli.meters import asked_meters
from nas.cli.table import print_table
from nas.export.source import source_of
from nas.latency import meter as latency
from nas.latency.meter import Deployment
from nas.objective import Measurement
from nas.store.store import Store

UNREACHED = "the precision that was asked for was not reached in the time"
MORE = f"{UNREACHED}: --time-limit gives more"
# Those of a fingerprint that tell figures of one machine apart.
OPTIONS = ("threads", "batch", "precision", "channels_last")


@click.group("latency", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Measure networks on a target, compare two, list what is on record."""
    # As Ctrl-C does: what a measurement has begun, its files and its processes, is put away.
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
@click.option("--again", is_flag=True, help="Measure also what is on record.")
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
    """Measure networks, alone on the machine, and put the figures on record.

    What is on record is not measured again, if it is as precise as asked for.
    """
    deployments = {name: _deployment(name) for name in names}
    started = time.time()
    asked = list(zip(targets, asked_meters(targets, precision, limit_s, ray_address), strict=True))
    found, recorded = [], []
    with Store.open(storage, create=True) as store:
        for target, meter in [(target, latency.calibrated(each, store)) for target, each in asked]:
            for name, deployment in deployments.items():
                taken = latency.measure(deployment, meter, store, precision=precision, again=again)
                found.append((name, taken))
                recorded += [f"{name} on {target}"] if taken.taken_at < started else []
    _show(found, as_json, MORE)
    if recorded and not as_json:
        click.echo(f"from the record, which --again renews: {', '.join(dict.fromkeys(recorded))}")


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
    """Measure two networks by turns: how much slower the first one is, with the confidence interval of the ratio."""
    (meter,) = asked_meters([target], precision, limit_s, ray_address)
    deployments = _deployment(one), _deployment(other)
    found = latency.compare(*deployments, meter)
    inputs = [str(meter.fingerprint(each.on(meter).model_input)["input"]) for each in deployments]
    is_precise = found.high - found.ratio <= precision * found.ratio
    if as_json:
        shown = {
            "one": one,
            "other": other,
            "target": target,
            "inputs": inputs,
            **found.to_dict(),
            "precise": is_precise,
        }
        click.echo(json.dumps(shown))
        return
    click.echo(
        f"{one} takes {found.ratio:.3f} times as long as {other} on {target} "
        f"(95% confidence {found.low:.3f} to {found.high:.3f}; {found.rounds} rounds, {found.discarded} thrown away)"
    )
    if inputs[0] != inputs[1]:
        click.echo(f"at different inputs: {one} at {inputs[0]}, {other} at {inputs[1]}{_advice(inputs)}")
    if not is_precise:
        click.echo(MORE)


@command.command("list")
@click.option("--target", metavar="NAME", help="Only figures on this target, such as cpu, with any options.")
@click.option("--key", default="", metavar="KEY", help="Only of the architectures whose key begins like this.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
@options.storage
@options.as_json
def list_(target: str | None, key: str, limit: int | None, storage: str, as_json: bool) -> None:
    """List the measurements on record, the newest first."""
    if target is not None:
        plugins.check(plugins.TARGETS, target)
    with Store.open(storage, create=False) as store:
        found = [
            ("reference" if architecture is None else f"{architecture.layout} {architecture.key[:12]}", taken)
            for architecture, taken in store.measurements()
            if target in (None, taken.fingerprint.get("target"))
            and (not key or (architecture is not None and architecture.key.startswith(key)))
        ]
    _show(found[:limit], as_json, UNREACHED)


def _deployment(name: str) -> Deployment:
    config = source_of(name).config
    return Deployment(config.architecture, config.model_input, config.builder)


def _advice(inputs: Sequence[str]) -> str:
    """How two `CxHxW` become one, where that can be."""
    (one, _, _), (other, _, _) = (each.split("x") for each in inputs)
    return "; size=PX gives a target one" if one == other else ""


def _show(found: list[tuple[str, Measurement]], as_json: bool, unreached: str) -> None:
    if as_json:
        click.echo(json.dumps([{"network": name, **as_object(taken)} for name, taken in found]))
        return
    table = Table("network", "target", "input", box=None, pad_edge=False)
    for heading in ("median ms", "+-", "p90", "p99", "rounds", "thrown", "drift", "taken"):
        table.add_column(heading, justify="right")
    for name, taken in found:
        table.add_row(
            name,
            mixer_label(taken.fingerprint),
            str(taken.fingerprint.get("input", "")),
            f"{taken.median:.3f}",
            f"{taken.relative_half_width:.1%}" + ("" if taken.is_precise else " !"),
            f"{taken.quantile(0.9):.3f}",
            f"{taken.quantile(0.99):.3f}",
            str(taken.count),
            str(taken.discarded),
            f"{taken.drift:+.1%}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(taken.taken_at)),
        )
    print_table(table)
    if not all(taken.is_precise for _, taken in found):
        click.echo(f"!: {unreached}")


def mixer_label(fingerprint: Mapping[str, str | int]) -> str:
    """The target of a fingerprint, with those of its options that tell figures of one machine apart."""
    shown = (f"{name}={fingerprint[name]}" for name in OPTIONS if name in fingerprint)
    return f"{fingerprint.get('target', '')}:{','.join(shown)}"


def as_object(taken: Measurement) -> dict[str, Any]:
    """The object that `--json` lists."""
    low, high = taken.interval
    return {
        "latency_ms": taken.median,
        "low_ms": low,
        "high_ms": high,
        "p90_ms": taken.quantile(0.9),
        "p99_ms": taken.quantile(0.99),
        "rounds": taken.count,
        "thrown": taken.discarded,
        "drift": taken.drift,
        "precise": taken.is_precise,
        "taken_at": taken.taken_at,
        "fingerprint": dict(taken.fingerprint),
    }
