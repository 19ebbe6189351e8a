"""`nas supernet`: train a space's supernet ahead of a search, evaluate members with it, list recorded ones."""

import json
from collections.abc import Mapping
from typing import Any

import click

from nas import plugins
from nas.cli import options
from nas.cli.declared_options import OptionsCommand
from nas.cli.figures import format_figures
from nas.cli.search_options import search_options, search_options_from
from nas.errors import ParameterError, UserError
from nas.evaluation import Evaluation, Job
from nas.exports.source import source_of
from nas.latency.meter import recorded
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study.search import SearchOptions, runner_of

SUPERNET = "supernet"


@click.group(SUPERNET)
def command() -> None:
    """Train one network for all members of a space, with which `nas search --evaluator supernet` evaluates them.

    `train` and `evaluate` take the options of `nas search`, which identify the supernet.
    """


@command.command("train", cls=OptionsCommand)
@search_options
def train(**parameters: Any) -> None:
    """Train a supernet and check its ranking.

    Does what a search by a supernet does first. Recorded work is not repeated.
    """
    wanted = search_options_from(parameters)
    evaluation = _evaluation(wanted)
    with Store.open(wanted.storage, create=True) as store, runner_of(wanted, evaluation.evaluator) as runner:
        evaluation.evaluator.prepared(store, runner.run, _say)
    click.echo(evaluation.settings[SUPERNET])


@command.command("evaluate", cls=OptionsCommand)
@click.argument("configs", nargs=-1, required=True, metavar="CONFIG|FOLDER...")
@search_options
@options.as_json
def evaluate(configs: tuple[str, ...], as_json: bool, **parameters: Any) -> None:
    """Evaluate networks with a supernet.

    Prints their corrected accuracies on the weights of a recorded supernet.
    """
    wanted = search_options_from(parameters)
    evaluation = _evaluation(wanted)
    members = {name: source_of(name).config.architecture for name in configs}
    for name, member in members.items():
        try:
            evaluation.space.encode(member)
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from error
    with Store.open(wanted.storage, create=False) as store:
        ready = evaluation.evaluator.prepared(store, _refuse, lambda *_: None)
        lines = []
        for name, member in members.items():
            known = recorded(store, member, evaluation.facts.fingerprints)
            *_, outcome = ready.evaluate(Job(member, wanted.evaluation.seed, known=known))
            lines.append({"network": name, "key": member.key, **outcome.figures})
    for line in lines:
        click.echo(json.dumps(line) if as_json else f"{line['network']}: {format_figures(line)}")


@command.command("info")
@options.storage
@options.as_json
def info(storage: str, as_json: bool) -> None:
    """List the recorded supernets.

    Shows how their scores rank members that were trained separately.
    """
    with Store.open(storage, create=False) as store:
        supernets = store.artifacts(SUPERNET)
    if as_json:
        click.echo(json.dumps([{"name": net.name, "updated_at": net.updated_at, **net.details} for net in supernets]))
        return
    for supernet in supernets:
        details = supernet.details
        click.echo(
            f"{supernet.name}: space {details['space']}, {details['images']} images, "
            f"{details['epochs']} of {details['of_epochs']} epochs, {details['train_s']:.0f} s"
        )
        for stage in details["stages"]:
            tau = f", tau {stage['tau']:.3f}" if "tau" in stage else ""
            largest = f"accuracy of the largest network {stage['accuracy']:.4f}"
            click.echo(f"  epoch {stage['epoch']}: loss {stage['loss']:.3f}, {largest}{tau}")
        if "tau" in details:
            click.echo(
                f"  {len(details['audit'])} members trained separately: Kendall's tau {details['raw_tau']:.3f}, "
                f"{details['tau']:.3f} with the cross-validated correction"
            )
    if not supernets:
        click.echo("no supernet is recorded; `nas supernet train` trains one")


def _evaluation(wanted: SearchOptions) -> Evaluation:
    wanted.check()
    evaluation: Evaluation = plugins.load(plugins.EVALUATORS, SUPERNET)(
        wanted.evaluation, load_space(wanted.sized_space)
    )
    return evaluation


def _refuse(*_: object) -> None:
    raise UserError(
        "no finished supernet is recorded for these options; `nas supernet train` with the same options trains it, "
        "and `nas supernet info` lists the recorded ones"
    )


def _say(event: str, fields: Mapping[str, Any]) -> None:
    click.echo(f"{event}: {fields.get('message') or format_figures(fields)}", err=True)
