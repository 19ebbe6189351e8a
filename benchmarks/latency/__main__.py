"""The named parts, all of them by default, each run in a process of its own: what one leaves behind in memory would be
noise to the next.
"""

import argparse
import multiprocessing
import sys

from benchmarks.latency import cost, killed, loaded, predicted, runtimes, together
from benchmarks.report import print_header

REPEATED_PARTS = {"loaded": loaded.main, "cost": cost.main}
TARGET_PARTS = {**REPEATED_PARTS, "predicted": predicted.main, "together": together.main}
MACHINE_PARTS = {"killed": killed.main, "runtimes": runtimes.main}
PARTS = (*TARGET_PARTS, *MACHINE_PARTS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--target", action="append", default=[], help=f"for {', '.join(TARGET_PARTS)}; by default this machine's"
    )
    parser.add_argument("--repeats", type=int, help=f"for {', '.join(REPEATED_PARTS)}: fewer make a shorter run")
    arguments = parser.parse_args()
    chosen = arguments.parts or PARTS
    if unknown := set(chosen).difference(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; valid: {', '.join(PARTS)}")
    print_header("latency: under load, predicted, between two searches, after kill -9, between runtimes")
    spawn = multiprocessing.get_context("spawn")
    failed = False
    for part in chosen:
        if part in REPEATED_PARTS:
            process = spawn.Process(target=REPEATED_PARTS[part], args=(arguments.target, arguments.repeats))
        elif part in TARGET_PARTS:
            process = spawn.Process(target=TARGET_PARTS[part], args=(arguments.target,))
        else:
            process = spawn.Process(target=MACHINE_PARTS[part])
        process.start()
        process.join()
        failed |= process.exitcode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
