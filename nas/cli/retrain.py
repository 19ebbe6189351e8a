"""`nas retrain`: a config's network, trained in full."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nas import plugins
from nas.cli import options
from nas.cli.main import INTERRUPTED
from nas.export.source import source_of
from nas.export.training import Epoch, Trainer, TrainingOptions

TRAINER = "ray"
# The first epochs each have a line, later ones by time.
MIN_LINES = 10
SECONDS_PER_LINE = 1.0


def _recipe_options(command: Any) -> Any:
    """A flag for each field of the recipe; what is not given is the recipe's own."""
    for flag, kind, text in reversed(
        (
            ("--epochs", int, "Epochs."),
            ("--batch-size", int, "Images in a step, over all workers."),
            ("--learning-rate", float, "Peak learning rate."),
            ("--weight-decay", float, "Weight decay, of matrices and filters alone."),
            ("--warmup-epochs", float, "Epochs in which the learning rate rises."),
            ("--rand-augment-ops", int, "RandAugment: operations per image; 0 for none."),
            ("--rand-augment-magnitude", int, "RandAugment: their magnitude, 0 to 30."),
            ("--mixup", float, "Mixup's alpha; 0 for none."),
            ("--cutmix", float, "Cutmix's alpha; 0 for none."),
            ("--erasing", float, "Probability of erasing a part of an image."),
            ("--label-smoothing", float, "Share of the label that goes to all classes."),
            ("--drop-path", float, "Stochastic depth of the last block; earlier ones have less."),
            ("--ema-decay", float, "Decay of the weights' moving average; 0 for none."),
        )
    ):
        command = click.option(flag, type=kind, metavar="N" if kind is int else "X", help=text)(command)
    return command


@click.command("retrain")
@click.argument("config", metavar="CONFIG|FOLDER|MODEL")
@click.option("--dataset", metavar="NAME", help="As of `nas search`; by default the one that the config was found on.")
@click.option("--data-dir", type=options.file_path, metavar="DIR", help="Folder that holds the data set.")
@click.option("--download", is_flag=True, help="Fetch the data set into --data-dir if it is not there.")
@click.option("--input-size", "input_size_px", type=click.IntRange(1), metavar="PX", help="Image size.")
@click.option("--output", required=True, type=options.file_path, metavar="DIR", help="Folder for weights and figures.")
@click.option("--time", "time_s", type=options.Duration(), metavar="TIME", help="Train as long as 30s, 10m or 1h.")
@click.option(
    "--recipe",
    default="policy",
    show_default=True,
    metavar="NAME",
    help="policy (that of `nas search`, by data and time) or published (heavy augmentation, for long trainings).",
)
@_recipe_options
@click.option(
    "--validation",
    type=options.Percent(),
    metavar="P%",
    help="Hold out this share of the training pictures, to judge each epoch; without it all of them train.",
)
@click.option("--workers", default=1, show_default=True, type=int, metavar="N", help="Processes, a GPU each on CUDA.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="CPU threads of each worker.")
@click.option("--device", metavar="NAME", help="cpu or cuda; CUDA by default where there is one.")
@click.option("--precision", default="auto", show_default=True, metavar="NAME", help="fp32, bf16, or the faster here.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="N", help="Seed of all draws.")
@options.as_json
def command(
    config: str,
    dataset: str | None,
    data_dir: Path | None,
    download: bool,
    input_size_px: int | None,
    output: Path,
    time_s: float | None,
    recipe: str,
    validation: float | None,
    workers: int,
    threads: int | None,
    device: str | None,
    precision: str,
    seed: int,
    as_json: bool,
    **overrides: float | None,
) -> None:
    """Train a config's network in full, on Ray Train; the same command goes on after Ctrl-C or a crash.

    CONFIG is a file of `nas export`, a folder of one (then training starts from its weights) or a published model.
    Writes config.json, weights.safetensors, metrics.json and curve.html; `nas.load(DIR)` gives the trained network.
    """
    if dataset is not None:
        plugins.check(plugins.DATASETS, dataset.partition(":")[0])
    asked = TrainingOptions(
        source=source_of(config),
        output=output,
        dataset=dataset,
        data_dir=data_dir,
        download=download,
        input_size_px=input_size_px,
        recipe=recipe,
        time_s=time_s,
        validation=validation or 0.0,
        overrides={name: value for name, value in overrides.items() if value is not None},
        workers=workers,
        threads=threads,
        device=device,
        precision=precision,
        seed=seed,
    )
    trainer: Trainer = plugins.load(plugins.TRAINERS, TRAINER)
    try:
        result = trainer(asked, _Progress(to_stderr=as_json))
    except KeyboardInterrupt:
        click.echo("interrupted; the same command goes on from the last checkpoint", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        click.echo(json.dumps({"test_accuracy": result.test_accuracy, "output": str(output)}))
    else:
        click.echo(f"test accuracy {result.test_accuracy:.4f}; wrote {output} (nas.load({str(output)!r}))")


class _Progress:
    """A line for each epoch, where they are short the last one of each second."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr
        self._shown_at = 0.0

    def started(self, settings: Mapping[str, Any], *, resumed: bool) -> None:
        start = "going on from the last checkpoint" if resumed else f"from {settings['started_from']}"
        size, recipe = settings["input"], settings["recipe"]
        length = f"{recipe['time_s']:g} s" if recipe["time_s"] else f"{recipe['epochs']} epochs"
        self._say(
            f"training {settings['key'][:12]} on {settings['dataset']} at {size['height_px']} px: "
            f"{length} on {settings['workers']} x {settings['device']}, {start}"
        )

    def trained(self, epoch: Epoch) -> None:
        now = time.monotonic()
        if MIN_LINES < epoch.epoch < epoch.epochs and now - self._shown_at < SECONDS_PER_LINE:
            return
        self._shown_at = now
        left_min = (epoch.epochs - epoch.epoch) * epoch.seconds / 60
        judged = "" if epoch.accuracy is None else f"validation accuracy {epoch.accuracy:.4f}, "
        self._say(
            f"[{epoch.epoch}/{epoch.epochs}] loss {epoch.loss:.4f}, {judged}"
            f"{epoch.seconds:.1f} s, {left_min:.1f} min left"
        )

    def warned(self, message: str) -> None:
        click.echo(f"warning: {message}", err=True)

    def _say(self, line: str) -> None:
        click.echo(line, err=self._to_stderr)
