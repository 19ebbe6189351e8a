"""Trainings of known networks beside a study's trials, by its evaluator and outside its budget."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from nas.evaluation import Job, Say
from nas.exports.known import known_network
from nas.latency.meter import LatencyRecord, recorded
from nas.results.settings import ComparableSettings
from nas.store.artifact import Artifact
from nas.study.baseline import Baseline, BaselineRecord, artifact_of, stored_baselines
from nas.study.jobs import Jobs
from nas.study.study import trial_seed
from nas.trial import Outcome, TrialState


class Record(BaselineRecord, LatencyRecord, Protocol):
    """The part of the store that holds baselines and latencies."""

    def put_artifact(self, artifact: Artifact) -> None:
        """Record an artifact, replacing another one of its name."""


def baseline_jobs(
    names: Sequence[str],
    settings: ComparableSettings,
    images: str,
    repeats: int,
    rungs: Sequence[int],
    record: Record,
    say: Say,
    clock: Callable[[], float] = time.time,
) -> Jobs:
    """Queue the missing trainings of named baselines, each with `1 + repeats` seeds; each is recorded as it ends.

    Where the study has a ladder they are trained at its target, as the front's members are. `images` is the digest of
    the images: a baseline that was trained on others is trained anew. The first seed's jobs
    come before the search's, so that the latency that they measure is known to the others; the other seeds' jobs come
    when the search has no trial to ask for, as its own confirmations do.
    """
    recorded_baselines = stored_baselines(record, settings)
    stored = {baseline.architecture: baseline for baseline in recorded_baselines if baseline.images == images}
    networks = [known_network(name) for name in names]
    baselines = {network.key: stored.get(network, Baseline(network, images)) for network in networks}
    seeds = {
        network.key: [trial_seed(settings.seed, network.key, repeat) for repeat in range(1 + repeats)]
        for network in networks
    }
    waiting = [
        (network, seeds[network.key][repeat])
        for repeat in range(1 + repeats)
        for network in networks
        if seeds[network.key][repeat] not in baselines[network.key].outcomes
    ]
    targets, ladder = settings.fingerprints, settings.ladder
    fidelity = None if ladder is None else ladder.target

    def ready(job: Job) -> Job:
        return replace(job, known=recorded(record, job.architecture, targets))

    def keep(job: Job, outcome: Outcome) -> None:
        if outcome.state is TrialState.STOPPED:
            return
        key = job.architecture.key
        baseline = baselines[key] = baselines[key].with_outcome(job.seed, outcome)
        for target, measurement in _by_target(outcome, targets).items():
            if target not in job.known:
                record.add_measurement(key, measurement, job.architecture)
        record.put_artifact(artifact_of(baseline, settings, clock()))
        if outcome.failure is not None:
            # Only the first failure is reported.
            if sum(other.failure is not None for other in baseline.outcomes.values()) > 1:
                return
            say("baseline failed", {"name": baseline.name, "because": str(outcome.failure)})
        elif all(seed in baseline.outcomes for seed in seeds[key]) and baseline.accuracy is not None:
            latency = {} if baseline.latency is None else {"latency ms": baseline.latency.median}
            figures = {
                "name": baseline.name,
                "accuracy": baseline.accuracy,
                **latency,
                "seeds": len(baseline.accuracies),
            }
            say("baseline trained", figures)

    jobs = [
        Job(network, seed, number, rungs=tuple(rungs), is_baseline=True, fidelity=fidelity)
        for number, (network, seed) in enumerate(waiting)
    ]
    urgent = sum(seed == seeds[network.key][0] for network, seed in waiting)
    return Jobs(jobs, keep, ready, urgent)


def _by_target(outcome: Outcome, targets: Mapping[str, Any]) -> dict[str, Any]:
    first = next(iter(targets))
    measured = {} if outcome.latency is None else {first: outcome.latency}
    return {**measured, **outcome.latencies}
