"""The head of every benchmark's report: the claim, the hardware and the versions."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version

from workers.latency.processor import processor_name

PACKAGES = ("hybrid-nas", "torch", "ray", "optuna", "sqlalchemy")


def print_header(claim: str) -> None:
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    print(claim)
    print(f"on {processor_name()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print(f"with {versions}")


def mean_and_spread(values: Sequence[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.4f} +- {spread:.4f}"
