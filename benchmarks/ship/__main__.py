"""The network that a user ships with us, compared to the one that he would ship without us.

For each case and seed four baselines in plain torch (known.py) get the final training's time; their learning rates
are chosen from three by short probes, which come on top of it (plain.py). Three of the baselines are the limits: the
fastest, their knee, the most accurate. Ours is `nas search --target onnxruntime --time`, with the search's time,
then, for each limit, the network that `nas export --pick accuracy --max-latency` chooses, trained by `nas retrain
--time` for the final training's time: a user ships one network, so each limit's network gets all of that time, as each
baseline does. A network that is chosen for two limits is trained once. Nothing is chosen by the test part.

Compared latencies come from one clock (timing.py): networks by turns, one thread, one picture, in ONNX Runtime and in
torch (traced and frozen). The study's own latencies are on another scale: --max-latency is that of the front's slowest
member which by this clock is as fast as the limit. Networks within 2% are equally fast. Both sides have two cores.

Finished pieces are kept in the folder --keep, and the same command goes on with the others.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.kept import Kept
from benchmarks.ship.cases import CASES, Case
from benchmarks.ship.product import CommandError
from benchmarks.ship.race import Runner
from benchmarks.ship.verdict import CASE_HEAD, Race, case_report, race_report

CORES = 2
FIGURES = Path(__file__).parents[1] / "figures" / "ship.md"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ship", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--keep", type=Path, required=True, help="folder for finished pieces, studies and networks")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="all by default")
    parser.add_argument("--seeds", type=int, help="by default 3 of cifar10-small, 1 of the others")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--minutes-scale", type=float, default=1.0, help="below 1: a trial run, which judges nothing")
    parser.add_argument("--search-options", default="", help="further options of nas search, as one argument")
    parser.add_argument("--write", action="store_true", help=f"write {FIGURES.name} among the figures")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    torch.set_num_threads(CORES)
    kept, options = Kept(arguments.keep / "pieces.jsonl"), tuple(shlex.split(arguments.search_options))
    races: dict[Case, list[Race]] = {}
    failed = False
    for case in (case for case in CASES if not arguments.case or case.name in arguments.case):
        dataset = case.dataset(arguments.data_dir, arguments.keep / "data")
        for seed in range(arguments.first_seed, arguments.first_seed + (arguments.seeds or case.seeds)):
            folder = arguments.keep.resolve() / f"{case.name}-{seed}-x{arguments.minutes_scale:g}"
            runner = Runner(case.scaled(arguments.minutes_scale), seed, dataset, folder, kept, options)
            try:
                race = runner.race()
            except CommandError as error:
                failed = True
                print(f"{case.name}, seed {seed}, failed: {error}", file=sys.stderr, flush=True)
                continue
            races.setdefault(case, []).append(race)
            print(race_report(race), flush=True)
    text = _report(races, arguments.minutes_scale, options)
    print(text)
    if arguments.write and races:
        FIGURES.write_text(text + "\n", encoding="utf-8")
    sys.exit(failed)


def _report(races: dict[Case, list[Race]], minutes_scale: float, search_options: Sequence[str]) -> str:
    hardware = dict.fromkeys(race.conditions for case_races in races.values() for race in case_races)
    further = f" Further options of `nas search`: `{shlex.join(search_options)}`." if search_options else ""
    trial_run = "" if minutes_scale == 1 else f"\n**A trial run: all times are scaled by {minutes_scale:g}.**\n"
    minutes = (
        f"{case.name} {case.scaled(minutes_scale).search_s / 60:g} and {case.scaled(minutes_scale).final_s / 60:g}"
        for case in races
    )
    return "\n".join(
        [
            "# What ships",
            "",
            "`python -m benchmarks.ship`: the network that a user ships with us against the one without us.",
            f"Its header says how they are compared. Two cores. Minutes of search and of final training: "
            f"{', '.join(minutes)}.{further}",
            trial_run,
            *hardware,
            "",
            "Gains are in test accuracy over the best baseline that is at most as slow; wanted: none below 0, and",
            "hypervolumes of 1.1 times the baselines'. +- is the standard error of a share of the test pictures.",
            "",
            CASE_HEAD,
            *(case_report(case_races) for case_races in races.values()),
            "",
            *(race_report(race) for case_races in races.values() for race in case_races),
        ]
    )


if __name__ == "__main__":
    main()
