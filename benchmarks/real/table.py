"""The table of real trainings, tables/cifar_real.csv: members of `hybrid`, each trained at every rung and the target.

Half of the members are drawn at random, half come from fronts of short searches by several samplers. The target is all
10,000 pictures of cifar10-small for 40 epochs, with two seeds, judged on its test part; the rungs below it train on a
part of 8,000 and are judged on the other 2,000. Rows are added as they come; the same command goes on with the others.
`--latency` measures all members in quiet, by turns, with ONNX Runtime on one thread.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import zip_longest
from pathlib import Path

import torch

from benchmarks import timing
from benchmarks.csv_rows import TABLES, append
from benchmarks.real.members import INPUT, drawn, searched
from benchmarks.real.rows import (
    LATENCIES,
    MEMBERS,
    TRAININGS,
    Member,
    append_trained,
    read_members,
    read_trained,
    write_members,
)
from benchmarks.real.training import RUNGS, TARGET, Rung, one_thread, trained
from benchmarks.report import print_header
from nas import plugins
from nas.latency.meter import Deployment

MEMBERS_COUNT, WORKERS, SEEDS = 64, 2, 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real.table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of the tables")
    parser.add_argument("--members", type=int, default=MEMBERS_COUNT, help="how many members to train")
    parser.add_argument("--workers", type=int, default=WORKERS, help="trainings at a time, a thread each")
    parser.add_argument("--latency", action="store_true", help="measure the members' latencies, and train nothing")
    arguments = parser.parse_args()
    print_header(f"real trainings of {arguments.members} members, {SEEDS} seeds")
    members = _members(arguments.tables / MEMBERS, arguments.data_dir)
    if arguments.latency:
        _measure(members, arguments.tables / LATENCIES)
        return
    path = arguments.tables / TRAININGS
    done = {row.name for row in read_trained(path)}
    with ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("spawn"), one_thread) as processes:
        futures = [
            processes.submit(trained, member.architecture, rung, seed, arguments.data_dir)
            for member, rung, seed in _jobs(members[: arguments.members])
            if (member.architecture.key, rung.images, rung.epochs, seed) not in done
        ]
        for number, future in enumerate(as_completed(futures), start=1):
            row = future.result()
            append_trained(path, row)
            print(
                f"[{number}/{len(futures)}] {row.key} {row.images} x {row.epochs}, seed {row.seed}: "
                f"{row.part} {row.accuracy:.4f} in {row.seconds:.0f} s",
                flush=True,
            )


def _members(path: Path, data_dir: Path) -> list[Member]:
    """The members on file, or new ones, random and searched by turns."""
    if not path.exists():
        half = MEMBERS_COUNT // 2
        by_turns = zip_longest(drawn(half), searched(data_dir, half))
        write_members(path, (member for pair in by_turns for member in pair if member is not None))
    return read_members(path)


def _jobs(members: list[Member]) -> Iterator[tuple[Member, Rung, int]]:
    """All trainings: with the first seed every rung and the target, member by member; then targets with the others."""
    for member in members:
        for rung in (*RUNGS, TARGET):
            yield member, rung, 0
    for seed in range(1, SEEDS):
        for member in members:
            yield member, TARGET, seed


def _measure(members: list[Member], path: Path) -> None:
    """Time all members by turns, all again where one is new: another moment's clock differs."""
    convert = plugins.load(plugins.CONVERTERS, "onnx")
    shape_CHW = (INPUT.channels, INPUT.height_px, INPUT.width_px)
    with tempfile.TemporaryDirectory() as scratch:
        paths = {member.architecture.key: Path(scratch) / member.architecture.key for member in members}
        for member in members:
            model = Deployment(member.architecture, INPUT).build().eval()
            convert(
                model, torch.zeros(2, *shape_CHW), paths[member.architecture.key].with_suffix(f".{timing.ONNX}"), {}
            )
        ms = timing.latencies(paths, shape_CHW)
    path.unlink(missing_ok=True)
    append(path, ("key", "latency_ms"), ((key, round(ms[key][timing.ONNX], 5)) for key in paths))


if __name__ == "__main__":
    main()
