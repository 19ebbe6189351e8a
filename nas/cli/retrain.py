"""`nas retrain`: a config's network, trained in full."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from nas import plugins
from nas.architecture import ModelInput
from nas.cli import options
from nas.cli.declared_options import OptionsCommand, options_from, with_options
from nas.cli.main import INTERRUPTED
from nas.exports.source import source_of
from nas.exports.training import Epoch, Trainer, TrainingOptions
from nas.objective import ACCURACY
from nas.results.metric import METRIC_SETTING, metric_label

TRAINER = "ray"
# The first epochs each have a line, later ones by time.
MIN_LINES = 10
SECONDS_PER_LINE = 1.0


@click.command("retrain", cls=OptionsCommand)
@click.argument("config", metavar="CONFIG|FOLDER|MODEL")
@with_options(TrainingOptions)
@options.as_json
def command(config: str, as_json: bool, **parameters: Any) -> None:
    """Train a config's network in full, on Ray Train; the same command goes on after Ctrl-C or a crash.

    CONFIG is a file of `nas export`, a folder of one (then training starts from its weights) or a published model.
    Writes config.json, weights.safetensors, metrics.json and curve.html; `nas.load(DIR)` gives the trained network.
    """
    wanted = options_from(TrainingOptions, parameters, source=source_of(config))
    wanted.check()
    trainer: Trainer = plugins.load(plugins.TRAINERS, TRAINER)
    try:
        result = trainer(wanted, _Progress(to_stderr=as_json))
    except KeyboardInterrupt:
        click.echo("interrupted; the same command goes on from the last checkpoint", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        metric = {name: value for name, value in result.settings.items() if name == METRIC_SETTING}
        click.echo(json.dumps({"test_accuracy": result.test_accuracy, **metric, "output": str(wanted.output)}))
    else:
        figure = f"test {metric_label(result.settings)} {result.test_accuracy:.4f}"
        click.echo(f"{figure}; wrote {wanted.output} (nas.load({str(wanted.output)!r}))")


class _Progress:
    """A line for each epoch, where they are short the last one of each second."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr
        self._shown_at = 0.0
        self._measure = ACCURACY.name

    def started(self, settings: Mapping[str, Any], *, resumed: bool) -> None:
        start = "going on from the last checkpoint" if resumed else f"from {settings['started_from']}"
        shown, recipe = ModelInput.from_dict(settings["input"]).size_px, settings["recipe"]
        self._measure = metric_label(settings)
        length = f"{recipe['time_s']:g} s" if recipe["time_s"] else f"{recipe['epochs']} epochs"
        self._say(
            f"training {settings['key'][:12]} on {settings['dataset']} at {shown} px: "
            f"{length} on {settings['workers']} x {settings['device']}, {start}"
        )

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self._say(f"{event}: {fields['message']}")

    def trained(self, epoch: Epoch) -> None:
        now = time.monotonic()
        if MIN_LINES < epoch.epoch < epoch.epochs and now - self._shown_at < SECONDS_PER_LINE:
            return
        self._shown_at = now
        left_min = (epoch.epochs - epoch.epoch) * epoch.seconds / 60
        on = "" if epoch.images is None else f" on {epoch.images} images"
        judged = "" if epoch.accuracy is None else f"validation {self._measure} {epoch.accuracy:.4f}{on}, "
        self._say(
            f"[{epoch.epoch}/{epoch.epochs}] loss {epoch.loss:.4f}, {judged}"
            f"{epoch.seconds:.1f} s, {left_min:.1f} min left"
        )

    def warned(self, message: str) -> None:
        click.echo(f"warning: {message}", err=True)

    def _say(self, line: str) -> None:
        click.echo(line, err=self._to_stderr)
