"""Runs the parts that are named, all of them by default, each in a process of its own: what one leaves behind in memory
would be noise to the next.
"""

import argparse
import multiprocessing

from benchmarks.latency import killed, loaded, predicted, runtimes, together
from benchmarks.report import print_header

PARTS = {
    "loaded": loaded.main,
    "predicted": predicted.main,
    "killed": killed.main,
    "together": together.main,
    "runtimes": runtimes.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}; valid: {', '.join(PARTS)}")
    print_header("latency: under load, predicted, after kill -9, between two searches, between runtimes")
    for part in chosen:
        process = multiprocessing.get_context("spawn").Process(target=PARTS[part])
        process.start()
        process.join()


if __name__ == "__main__":
    main()
