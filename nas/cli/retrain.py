"""`nas retrain`: a config's network, trained in full."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nas import plugins
from nas.cli import options
from nas.cli.main import INTERRUPTED
from nas.export.source import source_of
from nas.training import Epoch, Trainer, TrainingOptions

TRAINER = "ray"


def _recipe_options(command: Any) -> Any:
    """A flag for each field of the recipe; what is not given is the data set's default."""
    for flag, kind, text in reversed(
        (
            ("--epochs", int, "Epochs."),
            ("--batch-size", int, "Images in a step, over all workers."),
            ("--learning-rate", float, "Peak learning rate."),
            ("--weight-decay", float, "AdamW's weight decay, of matrices and filters alone."),
            ("--warmup-epochs", float, "Epochs of linear warm-up before the cosine."),
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
@click.option("--dataset", default="digits", show_default=True, metavar="NAME", help="As of `nas search`.")
@click.option("--data-dir", type=options.file_path, metavar="DIR", help="Folder that holds the data set.")
@click.option("--download", is_flag=True, help="Fetch the data set into --data-dir if it is not there.")
@click.option("--input-size", "input_size_px", type=click.IntRange(1), metavar="PX", help="Image size.")
@click.option("--output", required=True, type=options.file_path, metavar="DIR", help="Folder for weights and figures.")
@_recipe_options
@click.option("--workers", default=1, show_default=True, type=int, metavar="N", help="Processes, a GPU each on CUDA.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="CPU threads of each worker.")
@click.option("--device", metavar="NAME", help="cpu or cuda; CUDA by default where there is one.")
@click.option("--precision", default="auto", show_default=True, metavar="NAME", help="fp32, bf16, or the faster here.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="N", help="Seed of all draws.")
@options.as_json
def command(
    config: str,
    dataset: str,
    data_dir: Path | None,
    download: bool,
    input_size_px: int | None,
    output: Path,
    workers: int,
    threads: int | None,
    device: str | None,
    precision: str,
    seed: int,
    as_json: bool,
    **recipe: float | None,
) -> None:
    """Train a config's network in full, on Ray Train; the same command goes on after Ctrl-C or a crash.

    CONFIG is a file of `nas export`, a folder of one (then training starts from its weights) or a published model.
    Writes config.json, weights.safetensors, metrics.json and curve.html; `nas.load(DIR)` gives the trained network.
    """
    plugins.check(plugins.DATASETS, dataset.partition(":")[0])
    asked = TrainingOptions(
        source=source_of(config),
        output=output,
        dataset=dataset,
        data_dir=data_dir,
        download=download,
        input_size_px=input_size_px,
        overrides={name: value for name, value in recipe.items() if value is not None},
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
    """A line for each epoch."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr

    def started(self, settings: Mapping[str, Any], *, goes_on: bool) -> None:
        start = "going on from the last checkpoint" if goes_on else f"from {settings['started_from']}"
        size = settings["input"]
        self._say(
            f"training {settings['key'][:12]} on {settings['dataset']} at {size['height_px']} px: "
            f"{settings['recipe']['epochs']} epochs on {settings['workers']} x {settings['device']}, "
            f"{start}"
        )

    def trained(self, epoch: Epoch) -> None:
        left_min = (epoch.epochs - epoch.epoch) * epoch.seconds / 60
        self._say(
            f"[{epoch.epoch}/{epoch.epochs}] loss {epoch.loss:.4f}, validation accuracy {epoch.accuracy:.4f}, "
            f"{epoch.seconds:.1f} s, {left_min:.1f} min left"
        )

    def _say(self, line: str) -> None:
        click.echo(line, err=self._to_stderr)
