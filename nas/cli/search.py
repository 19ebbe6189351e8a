"""`nas search`: the main job."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from nas.cli import options
from nas.cli.baseline_table import print_baselines
from nas.cli.declared_options import OptionsCommand
from nas.cli.event_log import EventLog
from nas.cli.front_table import print_below, print_features, print_front, print_rank_checks
from nas.cli.main import INTERRUPTED
from nas.cli.progress import SearchProgress
from nas.cli.search_options import search_options, search_options_from
from nas.cli.served_search import follow
from nas.errors import ParameterError
from nas.results.front import as_json as result_as_json
from nas.study.baseline import as_json as baseline_as_json
from nas.study.search import search


@click.command("search", cls=OptionsCommand)
@search_options
@click.option(
    "--log-format",
    default="text",
    show_default=True,
    type=click.Choice(["text", "json"]),
    help="Output while searching: text for people, json for programs (a line for each event).",
)
@options.as_json
@click.option(
    "--service",
    metavar="URL",
    envvar="NAS_SERVICE",
    show_envvar=True,
    help="Start the search on the service at this address (a running `nas dashboard`) instead of here; the "
    "variable NAS_API_TOKEN holds its token, if it needs one.",
)
def command(log_format: str, as_json: bool, service: str | None, **parameters: Any) -> None:
    """Search a space for the Pareto front of accuracy against measured latency.

    Stops when the budget is on record, or when --time is over. The same command goes on with the same study, also
    after Ctrl-C or a crash.
    """
    if service is not None:
        if log_format == "json":
            raise ParameterError("--log-format json needs a search in this process; with --service use --json")
        follow(service, as_json=as_json)
        return
    wanted = search_options_from(parameters)
    log = EventLog(to_stderr=as_json) if log_format == "json" else None
    with log or SearchProgress(to_stderr=as_json) as watcher:
        result = search(wanted, watcher)
    if log is not None:
        log.closed(result)
    members, dropped = (
        [result_as_json(member, result.front) for member in results]
        for results in (result.front, result.dropped_from_front)
    )
    comparisons = {comparison.name: comparison for comparison in result.comparisons}
    baselines = [baseline_as_json(baseline, comparisons.get(baseline.name)) for baseline in result.baselines]
    if as_json:
        click.echo(
            json.dumps(
                {
                    "study": result.study,
                    "metric": result.metric,
                    "trials": result.done,
                    "ending": result.ending,
                    "front": members,
                    "fell_off": dropped,
                    "baselines": baselines,
                    "conclusion": result.conclusion,
                    "audits": [asdict(check_ranks) for check_ranks in result.rank_checks],
                    "failed_confirmations": [asdict(failure) for failure in result.failed_confirmations],
                    "features": [asdict(feature) for feature in result.features],
                    "gain_to_come": result.expected_gain,
                    "hypervolume": result.hypervolume,
                    "wall_s": round(result.wall_s, 3),
                }
            )
        )
    elif log is None:
        because = f" ({result.ending})" if result.ending else ""
        volume, wall_s = f"hypervolume {result.hypervolume:.4g}", f"{result.wall_s:.0f} s"
        click.echo(f"{result.done} trials on record{because}, {volume}, {wall_s}")
        if result.is_flat and result.remaining and result.expected_gain is not None:
            click.echo(f"flat: the other {result.remaining} trials would add about {result.expected_gain:.1%}")
        objectives = [objective.name for objective in result.objectives]
        print_front(members, objectives, dropped, result.measure)
        print_below(result.below_min_accuracy, result.complete, result.min_accuracy)
        print_baselines(baselines, result.conclusion, objectives, len(members), result.measure)
        if not any(member.final for member in result.front):
            # Below a target training trials only select what is trained longer; `nas fidelity` tells how well.
            print_rank_checks(result.rank_checks, result.measure)
        if result.features:
            print_features(result.features)
    if failed := result.failed_confirmations:
        click.echo(f"warning: {len(failed)} further trainings failed, the last one with {failed[-1]}", err=True)
    if result.interrupted:
        click.echo("interrupted; the same command goes on with this study", err=True)
        sys.exit(INTERRUPTED)
