"""`nas search --service`: a search that runs in the service, with its progress shown here."""

import json
import sys

import click

from nas.cli import options
from nas.cli.front_table import print_front
from nas.cli.main import INTERRUPTED
from nas.errors import ParameterError
from nas.service import schemas
from nas.service.client import Client
from nas.service.request import ITS_OWN, given_options, name_of


def follow(url: str, *, as_json: bool) -> None:
    """Start a search in the service with the user's options, and print its progress until it ends. Ctrl-C stops it."""
    context = click.get_current_context()
    for option in context.command.params:
        if name_of(option) in ITS_OWN and options.is_given(option.name or ""):
            raise ParameterError(f"{option.opts[0]} is decided by the service: leave it out with --service")
    with Client(url) as client:
        started = client.start(**given_options(context))
        try:
            started = client.wait(started["id"], until=("running",))
            _print_progress(client, started["study"] or "")
            # The study's driver lock is released a moment before its process ends.
            ended = client.wait(started["id"])
        except KeyboardInterrupt:
            client.stop_search(started["id"])
            ended = client.wait(started["id"])
        name = ended["study"]
        if name is not None:
            _print_result(client.study(name), client.front(name), ended.get("ending"), as_json=as_json)
        if ended["state"] == "stopped":
            click.echo("interrupted; the same command goes on with this study", err=True)
            sys.exit(INTERRUPTED)


def _print_progress(client: Client, name: str) -> None:
    done = -1
    for summary in client.follow(name):
        if summary["done"] != done:
            done = summary["done"]
            best = "no result yet" if summary["best_accuracy"] is None else f"best {summary['best_accuracy']:.4f}"
            budget = "" if summary["budget"] is None else f"/{summary['budget']}"
            left = "" if summary["left_s"] is None else f", {summary['left_s'] / 60:.1f} min left"
            front = f"front {summary['front_size']}, hypervolume {summary['hypervolume']:.4g}"
            click.echo(f"[{done}{budget}] study {name} | {best}, {front}{left}", err=True)


def _print_result(study: schemas.StudySummary, front: schemas.Front, ending: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps(
                {
                    "study": study["name"],
                    "metric": study["metric"],
                    "trials": study["done"],
                    "ending": ending,
                    "front": front["members"],
                    "left_off": front["fallen"],
                    "hypervolume": front["hypervolume"],
                }
            )
        )
        return
    because = f" ({ending})" if ending else ""
    click.echo(f"{study['done']} trials recorded{because}, hypervolume {front['hypervolume']:.4g}")
    print_front(front["members"], front["objectives"], [], front["measure"])
    if front["fallen"]:
        click.echo(f"dropped from the front by a further training: trials {', '.join(map(str, front['fallen']))}")
