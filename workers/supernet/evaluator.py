"""The evaluator `supernet`: trains one network for the whole space, then judges every member by inference alone.

Its reliability is measured: some members, drawn at random, are trained alone, as proxies are, and the scores are
corrected by them (workers.supernet.correction). Finalists are always trained alone.
"""

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import nn

from nas.architecture import Architecture
from nas.errors import ParameterError, SearchInterruptedError
from nas.evaluation import Evaluation, EvaluationOptions, Job, Record, Run, Say
from nas.exports.training import TrainingRecipe
from nas.latency.measured_key import mixer_sources
from nas.results.rank_correlation import rank_correlation
from nas.results.settings import DATA_SETTINGS
from nas.results.shrinkage import SeedResult
from nas.space import SearchSpace
from nas.store.artifact import Artifact
from nas.study.jobs import Jobs
from nas.trial import CurvePoint, Failure, Outcome, TrialState
from workers.supernet.correction import Correction, correction
from workers.supernet.sandwich import largest
from workers.supernet.scores import SCORED_ON, Scores
from workers.supernet.trainer import SupernetTrainer, load, shared_weights
from workers.training.advice import advice_on
from workers.training.proxy import ProxyEvaluator, features_of, proxy_of

KIND = "supernet"
# Members that are trained alone: on Fashion-MNIST a correction by 24 of them ranks others with a Kendall tau of .68, by
# 30 with .73 (benchmarks/README.md).
CHECKED_MEMBERS = 30
# The supernet trains four networks on each image, each a quarter slower than alone: this takes as long as twenty
# proxies.
EPOCHS_PER_PROXY_EPOCH = 4
BATCH, RATE = 32, 3e-3
# With fewer members a correction cannot be judged.
MIN_CHECKED_MEMBERS = 8
# With a lower rank correlation the scores are no guide.
MIN_TAU = 0.3
# The name under which the score is recorded as a cost, before correction.
INHERITED = "inherited_log_likelihood"


@dataclass(frozen=True)
class SupernetEvaluator:
    """Judges members by inference; a nas.evaluation.Evaluator. `weights` and `correction` are set by `prepared`."""

    proxy: ProxyEvaluator
    space: SearchSpace
    recipe: TrainingRecipe
    name: str
    """The artifact's name."""
    seed: int
    inherit: bool = False
    weights: bytes = b""
    correction: Correction | None = None

    @property
    def device(self) -> str:
        return self.proxy.device

    def check_node(self) -> None:
        """Raise ParameterError unless this node's targets have the study's fingerprints."""
        self.proxy.check_node()

    def prepared(self, record: Record, run: Run, say: Say) -> "SupernetEvaluator":
        """The evaluator with its supernet and correction, which are trained as far as they are not recorded.

        Raises SearchInterruptedError when the training fails.
        """
        ready = replace(self, proxy=self.proxy.prepared(record, run, say))
        trained = ready.trained(record, run, say)
        fitted = ready.fitted_correction(trained, record, run, say)
        # A supernet whose scores are no guide is no start for finalists either.
        is_guide = min(fitted.tau, fitted.raw_tau) >= MIN_TAU
        if self.inherit and not is_guide:
            say("finalists start from scratch", {"tau of scores": fitted.raw_tau, "wanted": MIN_TAU})
        return replace(ready, weights=trained.content, correction=fitted, inherit=self.inherit and is_guide)

    def trained(self, record: Record, run: Run, say: Say) -> Artifact:
        """The recorded supernet, after the rest of its training."""
        recorded = record.artifact(self.name)
        if recorded is not None and recorded.details["epochs"] >= self.recipe.epochs:
            say("supernet on record", {"name": self.name, "epochs": recorded.details["epochs"]})
            return recorded
        resume_from = None if recorded is None else _resume_from(recorded)
        stages = [] if recorded is None else list(recorded.details["stages"])
        artifacts: list[Artifact] = []

        def keep(_: Job, outcome: Outcome) -> None:
            if outcome.failure is not None or outcome.checkpoint is None:
                failure = outcome.failure or Failure("no weights", "its training left none")
                raise SearchInterruptedError(f"the supernet could not be trained: {failure.cause}, {failure.message}")
            last = outcome.curve[-1]
            stages.append({**vars(last), "scores": dict(outcome.costs)})
            details = {
                "space": self.space.name,
                "input": self.proxy.model_input.to_dict(),
                "images": len(self.proxy.data.train_labels),
                "epochs": last.epoch,
                "of_epochs": self.recipe.epochs,
                "train_s": outcome.train_s,
                "stages": list(stages),
                "audit": {},
                "audit_losses": {},
            }
            artifacts.append(Artifact(self.name, KIND, details, outcome.checkpoint, time.time()))
            recorded_details = record.artifact_details(self.name)
            # Another search may train the same supernet, and be ahead.
            if recorded_details is None or recorded_details["epochs"] < last.epoch:
                record.put_artifact(artifacts[-1])
            message = {"epoch": last.epoch, "of": self.recipe.epochs, "loss": last.loss, "largest": last.accuracy}
            say("supernet trained", message)

        trainer = SupernetTrainer(self.proxy, self.space, self.recipe, self._sample)
        job = Job(largest(self.space), self.seed, rungs=tuple(range(1, self.recipe.epochs)), resume_from=resume_from)
        # One worker, so that the job has the whole machine.
        run(Jobs([job], keep), trainer, 1)
        # The correction is fitted to the recorded supernet.
        return record.artifact(self.name) or artifacts[-1]

    def fitted_correction(self, trained: Artifact, record: Record, run: Run, say: Say) -> Correction:
        """Train the sample's members alone, as far as that is not recorded, and fit the correction to them."""
        details = dict(trained.details)
        # None for a member that could not be trained.
        known: dict[str, float | None] = dict(details["audit"])
        losses: dict[str, float] = dict(details["audit_losses"])

        def put(changed: Mapping[str, Any]) -> None:
            record.put_artifact_details(replace(trained, details=changed, updated_at=time.time()))

        def keep(job: Job, outcome: Outcome) -> None:
            if outcome.state is TrialState.STOPPED:
                return
            known[job.architecture.key] = outcome.accuracy
            if outcome.curve:
                losses[job.architecture.key] = outcome.curve[-1].loss
            put({**details, "audit": known, "audit_losses": losses})

        untrained = [member for member in self._sample if member.key not in known]
        if untrained:
            # Without the search's limit, because searches with other limits use the supernet too.
            unlimited = replace(self.proxy, max_latency_ms=None)
            rungs = tuple(range(1, self.proxy.recipe.epochs))
            jobs = [Job(member, self.seed, number, rungs=rungs) for number, member in enumerate(untrained)]
            run(Jobs(jobs, keep), unlimited, None)
        members, seen = [], []
        for member in self._sample:
            accuracy = known[member.key]
            if accuracy is not None:
                members.append(member)
                seen.append(SeedResult(accuracy, losses.get(member.key)))
        if len(members) < MIN_CHECKED_MEMBERS:
            raise SearchInterruptedError(
                f"of {len(self._sample)} members to be trained alone only {len(members)} could be trained: "
                "too few to judge the supernet by"
            )
        accuracies = [member.accuracy for member in seen]
        for stage in details["stages"]:
            if stage["scores"]:
                stage["tau"] = rank_correlation([stage["scores"][member.key] for member in members], accuracies)
        scores = [details["stages"][-1]["scores"][member.key] for member in members]
        fitted = correction(self.space, members, scores, seen)
        if untrained or "tau" not in details:
            details |= {"audit": known, "audit_losses": losses, "tau": fitted.tau, "raw_tau": fitted.raw_tau}
            put(details)
        message = {"members": len(members), "tau of scores": fitted.raw_tau, "corrected, left out": fitted.tau}
        say("supernet audited", message)
        if fitted.tau < MIN_TAU:
            say("supernet is no guide", {"tau": fitted.tau, "wanted": MIN_TAU, "finalists": "decide by themselves"})
        return fitted

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """Measure and judge a member; over the latency limit it is not judged. A baseline is trained alone instead."""
        if job.is_baseline:
            yield from self.proxy.evaluate(job)
            return
        limit = self.proxy.max_latency_ms
        outcome = self.proxy.costs_and_latencies(job.architecture, job.known, limit)
        if self.correction is not None and not (limit and outcome.latency and outcome.latency.median > limit):
            score = self._scores(job.architecture)
            costs = {**outcome.costs, INHERITED: score}
            outcome = replace(outcome, costs=costs, accuracy=self.correction(job.architecture, score))
        yield outcome

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        """Train a member alone; with `inherit` from the shared weights."""
        initial = self._supernet.inherited(architecture) if self.inherit else None  # type: ignore[operator]
        return self.proxy.with_repeated_latency(
            architecture, self.proxy.evaluate(Job(architecture, seed, repeat=1), initial)
        )

    @cached_property
    def _sample(self) -> tuple[Architecture, ...]:
        return tuple(drawn(self.space, min(CHECKED_MEMBERS, self.space.size), self.seed))

    @cached_property
    def _supernet(self) -> nn.Module:
        supernet = shared_weights(self.proxy, self.space)
        load(supernet, self.weights)
        return supernet

    @cached_property
    def _scores(self) -> Scores:
        return Scores(self._supernet, self.proxy)


def drawn(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Draw `count` distinct members at random."""
    generator = random.Random(seed)  # noqa: S311
    members: dict[str, Architecture] = {}
    while len(members) < count:
        member = space.sample(generator)
        members[member.key] = member
    return list(members.values())


def _resume_from(recorded: Artifact) -> Outcome:
    """The outcome of a training that was cut off."""
    names = CurvePoint.__dataclass_fields__
    curve = tuple(
        # An earlier version did not record all of them.
        CurvePoint(**{name: stage[name] for name in names if name in stage})
        for stage in recorded.details["stages"]
    )
    return Outcome(curve=curve, train_s=recorded.details["train_s"], checkpoint=recorded.content)


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Make the evaluator as workers.training.proxy.prepare does; raises ParameterError for too small a space too."""
    proxy, space, settings = proxy_of(options, space)
    if space.size < MIN_CHECKED_MEMBERS:
        raise ParameterError(
            f"--evaluator supernet needs a space of at least {MIN_CHECKED_MEMBERS} members, and {space.name!r} has "
            f"{space.size}"
        )
    epochs = options.supernet_epochs or EPOCHS_PER_PROXY_EPOCH * proxy.recipe.epochs
    # Not the policy's recipe: shared weights, which are cut to each member's size, keep a recipe of their own.
    recipe = TrainingRecipe(
        epochs, options.batch_size or BATCH, options.learning_rate or RATE, precision=proxy.recipe.precision
    )
    # The proxy's epochs are among them because the checked members are trained for them.
    names = ("dataset", "input", "train_size", "epochs", "batch_size", "learning_rate")
    fields = ("epochs", "batch_size", "learning_rate", "weight_decay", "precision")
    identity = {
        "space": space.key,
        "recipe": {name: getattr(recipe, name) for name in fields},
        "audited": CHECKED_MEMBERS,
        "scored_on": SCORED_ON,
    }
    identity |= {name: settings[name] for name in (*names, *DATA_SETTINGS) if name in settings}
    identity["seed"] = options.seed
    # A folder's images may change, and other packages' mixers.
    identity["images"] = proxy.data.digest
    if sources := mixer_sources(mixer.name for stage in space.stages for mixer in stage.mixer_choices):
        identity["mixer_sources"] = sources
    digest = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=6).hexdigest()
    name = f"supernet-{space.name}-{options.dataset.partition(':')[0]}-{digest}"
    evaluator = SupernetEvaluator(proxy, space, recipe, name, options.seed, options.inherit)
    settings |= {"supernet": name, "inherit": options.inherit}
    return Evaluation(
        evaluator,
        space,
        settings,
        least_confirm=1,
        features=features_of(proxy),
        images=proxy.data.digest,
        advice=advice_on(proxy.data, options),
    )
