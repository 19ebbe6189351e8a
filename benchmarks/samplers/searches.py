"""Simulated searches of a sampler on a table, each run once and kept."""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nas.samplers
import nas.simulation
from benchmarks.kept import Kept, Key
from benchmarks.samplers.opponents import factory
from nas.simulation.hypervolume import HypervolumeScale, shares_at_parts
from nas.simulation.processes import run_in_processes
from nas.simulation.replay import ReplayResult, limit_threads, replay_with
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.table import Table

# Fields of ReplayOptions that change how a search is measured, and not what it tries.
MEASURING = ("reference", "log_latency")
# Fields of ReplayResult that follow from the rest and a reference.
MEASURED = ("course", "shares")


class Searches:
    """Searches on one table, with the seeds from 0 on. Those in `kept` are not run again."""

    def __init__(self, table: Table, seeds: int, kept: Kept | None) -> None:
        self.table = table
        self.seeds = seeds
        self._kept = kept
        self._digest = hashlib.blake2b(repr(table).encode(), digest_size=8).hexdigest()
        self._results: dict[tuple[str, ReplayOptions], list[ReplayResult]] = {}

    def run(self, sampler: str, options: ReplayOptions) -> list[ReplayResult]:
        """Return a search for each seed, measured from the reference in `options`.

        The order of a search's trials does not depend on the reference: one search serves all references.
        """
        unmeasured = replace(options, reference=None, log_latency=False)
        if (sampler, unmeasured) not in self._results:
            self._results[sampler, unmeasured] = self._run(sampler, unmeasured)
        scale = HypervolumeScale(self.table, options)
        return [measure(result, scale, options.budget) for result in self._results[sampler, unmeasured]]

    def _run(self, sampler: str, options: ReplayOptions) -> list[ReplayResult]:
        source = source_version(sampler)
        keys = [self._key(sampler, seed, options, source) for seed in range(self.seeds)]
        results = {seed: row for seed, key in enumerate(keys) if self._kept and (row := self._kept.get(key))}
        missing = [seed for seed in range(self.seeds) if seed not in results]
        jobs = [(self.table, factory(sampler), seed, options) for seed in missing]
        for seed, result in zip(missing, run_in_processes(replay_with, jobs, limit_threads), strict=True):
            values = {name: value for name, value in asdict(result).items() if name not in MEASURED}
            if self._kept:
                self._kept.add(keys[seed], values)
            results[seed] = values
        return [_result(results[seed]) for seed in range(self.seeds)]

    def _key(self, sampler: str, seed: int, options: ReplayOptions, source: str) -> Key:
        names = [field.name for field in fields(options) if field.name not in MEASURING]
        described = ", ".join(f"{name}={getattr(options, name)}" for name in names)
        return {
            "table": f"{self.table.name} {self._digest}",
            "sampler": sampler,
            "seed": seed,
            "options": described,
            "version": source,
        }


def measure(result: ReplayResult, scale: HypervolumeScale, budget: int) -> ReplayResult:
    """Return the result with its course and shares on another scale."""
    course = scale.course(result.rows)
    return replace(result, course=course, shares=shares_at_parts(course, budget))


def source_version(sampler: str) -> str:
    """Describe what a search's result depends on: Optuna's version, and a digest of the sampler and the simulation.

    A sampler's source is its module's folder: another sampler's change runs no search again.
    """
    module = sys.modules[factory(sampler).__module__]
    folders = {Path(module.__file__ or "").parent, *map(Path, (*nas.samplers.__path__, *nas.simulation.__path__))}
    digest = hashlib.blake2b(digest_size=8)
    for path in _sources(folders):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return f"optuna {version('optuna')}, source {digest.hexdigest()}"


def _sources(folders: set[Path]) -> Iterator[Path]:
    for folder in sorted(folders):
        yield from sorted(folder.glob("*.py"))


def _result(values: dict[str, Any]) -> ReplayResult:
    rows = tuple(values["rows"])
    return ReplayResult(**{**values, "rows": rows, "course": (), "shares": (0.0, 0.0, 0.0)})
