"""The head of every benchmark's report: the claim, the hardware and the versions."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version

from nas.latency.processor import processor_name

PACKAGES = ("hybrid-nas", "torch", "ray", "optuna", "sqlalchemy")


def conditions(packages: Sequence[str] = PACKAGES) -> str:
    """Return the hardware and the versions, on two lines."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return (
        f"on {processor_name()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}\n"
        f"with {versions}"
    )


def print_header(claim: str) -> None:
    print(claim)
    print(conditions())


def mean_and_spread(values: Sequence[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.4f} +- {spread:.4f}"
