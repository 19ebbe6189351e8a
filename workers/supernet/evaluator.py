"""The evaluator `supernet`: one network is trained for the whole space, then every member is judged by inference alone.

How far that can be trusted is measured: some members, drawn at random, are trained by themselves, as a proxy is, and by
them scores are corrected (workers.supernet.correction). Finalists are always trained by themselves.
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
from nas.export.training import TrainingRecipe
from nas.results.rank_correlation import rank_correlation
from nas.results.shrinkage import Seen
from nas.space import SearchSpace
from nas.store.artifact import Artifact
from nas.study.jobs import Jobs
from nas.trial import CurvePoint, Failure, Outcome, TrialState
from workers.supernet.correction import Correction, correction
from workers.supernet.sandwich import largest
from workers.supernet.scores import SCORED_ON, Scores
from workers.supernet.trainer import SupernetTrainer, load, shared_weights
from workers.training.proxy import ProxyEvaluator, features_of, proxy_of

KIND = "supernet"
# So many members are trained by themselves: on Fashion-MNIST what 24 of them tell ranks others with a Kendall tau of
# .68, what 30 tell with .73 (benchmarks/README.md).
CHECKED_MEMBERS = 30
# Of each image the supernet sees four networks, each a quarter slower than by itself: this is what twenty proxies take.
EPOCHS_PER_PROXY_EPOCH = 4
BATCH, RATE = 32, 3e-3
# With fewer nothing can be told.
FEWEST = 8
# Below this rank correlation scores are no guide.
LOW_TAU = 0.3
# On record as a cost: what was found on the shared weights, before it was corrected.
INHERITED = "inherited_log_likelihood"


@dataclass(frozen=True)
class SupernetEvaluator:
    """Judges members by inference; a nas.evaluation.Evaluator. `weights` and `correction` are there when prepared."""

    proxy: ProxyEvaluator
    space: SearchSpace
    recipe: TrainingRecipe
    name: str
    """Of the artifact."""
    seed: int
    inherit: bool = False
    weights: bytes = b""
    correction: Correction | None = None

    @property
    def device(self) -> str:
        return self.proxy.device

    def check_node(self) -> None:
        """As nas.evaluation.Evaluator has it."""
        self.proxy.check_node()

    def prepared(self, record: Record, run: Run, say: Say) -> "SupernetEvaluator":
        """As nas.evaluation.Evaluator has it: trained as far as it is not on record.

        Raises SearchInterruptedError when the training fails.
        """
        ready = replace(self, proxy=self.proxy.prepared(record, run, say))
        trained = ready.trained(record, run, say)
        found = ready.audited(trained, record, run, say)
        # A supernet whose scores are no guide is none to start from either.
        is_guide = min(found.tau, found.raw_tau) >= LOW_TAU
        if self.inherit and not is_guide:
            say("finalists start from scratch", {"tau of scores": found.raw_tau, "wanted": LOW_TAU})
        return replace(ready, weights=trained.content, correction=found, inherit=self.inherit and is_guide)

    def trained(self, record: Record, run: Run, say: Say) -> Artifact:
        """The supernet on record, after what is left of its training."""
        kept = record.artifact(self.name)
        if kept is not None and kept.details["epochs"] >= self.recipe.epochs:
            say("supernet on record", {"name": self.name, "epochs": kept.details["epochs"]})
            return kept
        resume_from = None if kept is None else _resume_from(kept)
        stages = [] if kept is None else list(kept.details["stages"])
        made: list[Artifact] = []

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
            made.append(Artifact(self.name, KIND, details, outcome.checkpoint, time.time()))
            on_record = record.artifact_details(self.name)
            # Another search may be at the same one, and ahead.
            if on_record is None or on_record["epochs"] < last.epoch:
                record.put_artifact(made[-1])
            told = {"epoch": last.epoch, "of": self.recipe.epochs, "loss": last.loss, "largest": last.accuracy}
            say("supernet trained", told)

        trainer = SupernetTrainer(self.proxy, self.space, self.recipe, self._sample)
        job = Job(largest(self.space), self.seed, rungs=tuple(range(1, self.recipe.epochs)), resume_from=resume_from)
        # The whole machine is for the one job.
        run(Jobs([job], keep), trainer, 1)
        # What is audited is what is on record.
        return record.artifact(self.name) or made[-1]

    def audited(self, trained: Artifact, record: Record, run: Run, say: Say) -> Correction:
        """Have the sample trained by itself, as far as that is not on record, and see how scores correspond."""
        details = dict(trained.details)
        # None of a member that could not be trained.
        known: dict[str, float | None] = dict(details["audit"])
        losses: dict[str, float] = dict(details["audit_losses"])

        def put(found: Mapping[str, Any]) -> None:
            record.put_artifact_details(replace(trained, details=found, updated_at=time.time()))

        def keep(job: Job, outcome: Outcome) -> None:
            if outcome.state is TrialState.STOPPED:
                return
            known[job.architecture.key] = outcome.accuracy
            if outcome.curve:
                losses[job.architecture.key] = outcome.curve[-1].loss
            put({**details, "audit": known, "audit_losses": losses})

        left = [member for member in self._sample if member.key not in known]
        if left:
            # Whatever the search's limit is: what is learnt from the sample serves others too.
            alone = replace(self.proxy, max_latency_ms=None)
            rungs = tuple(range(1, self.proxy.recipe.epochs))
            jobs = [Job(member, self.seed, number, rungs=rungs) for number, member in enumerate(left)]
            run(Jobs(jobs, keep), alone, None)
        members, seen = [], []
        for member in self._sample:
            accuracy = known[member.key]
            if accuracy is not None:
                members.append(member)
                seen.append(Seen(accuracy, losses.get(member.key)))
        if len(members) < FEWEST:
            raise SearchInterruptedError(
                f"of {len(self._sample)} members that were to be trained by themselves {len(members)} could be: "
                "too few to tell what the supernet is worth"
            )
        accuracies = [each.accuracy for each in seen]
        for stage in (each for each in details["stages"] if each["scores"]):
            stage["tau"] = rank_correlation([stage["scores"][member.key] for member in members], accuracies)
        scores = [details["stages"][-1]["scores"][member.key] for member in members]
        found = correction(self.space, members, scores, seen)
        if left or "tau" not in details:
            details |= {"audit": known, "audit_losses": losses, "tau": found.tau, "raw_tau": found.raw_tau}
            put(details)
        told = {"members": len(members), "tau of scores": found.raw_tau, "corrected, left out": found.tau}
        say("supernet audited", told)
        if found.tau < LOW_TAU:
            say("supernet is no guide", {"tau": found.tau, "wanted": LOW_TAU, "finalists": "decide by themselves"})
        return found

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """Over the latency limit nothing is judged. A baseline is no member: it is trained by itself."""
        if job.is_baseline:
            yield from self.proxy.evaluate(job)
            return
        limit = self.proxy.max_latency_ms
        found = self.proxy.costs_and_latencies(job.architecture, job.known, limit)
        if self.correction is not None and not (limit and found.latency and found.latency.median > limit):
            inherited = self._scores(job.architecture)
            costs = {**found.costs, INHERITED: inherited}
            found = replace(found, costs=costs, accuracy=self.correction(job.architecture, inherited))
        yield found

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        """Trained by itself, with `inherit` from the shared weights on."""
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
    """So many distinct members, at random."""
    generator = random.Random(seed)  # noqa: S311
    members: dict[str, Architecture] = {}
    while len(members) < count:
        member = space.sample(generator)
        members[member.key] = member
    return list(members.values())


def _resume_from(kept: Artifact) -> Outcome:
    """What a training that was cut off had come to."""
    names = CurvePoint.__dataclass_fields__
    curve = tuple(CurvePoint(**{name: stage[name] for name in names}) for stage in kept.details["stages"])
    return Outcome(curve=curve, train_s=kept.details["train_s"], checkpoint=kept.content)


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """As workers.training.proxy.prepare, for scores by a supernet. Raises ParameterError for too small a space, too."""
    proxy, space, settings = proxy_of(options, space)
    if space.size < FEWEST:
        raise ParameterError(
            f"--evaluator supernet needs a space of at least {FEWEST} members, and {space.name!r} has {space.size}"
        )
    epochs = options.supernet_epochs or EPOCHS_PER_PROXY_EPOCH * proxy.recipe.epochs
    # Its shared weights are cut to each member's size, and learn by the recipe that they always have.
    recipe = TrainingRecipe(
        epochs, options.batch_size or BATCH, options.learning_rate or RATE, precision=proxy.recipe.precision
    )
    # By the proxy's epochs are those trained that scores are compared with.
    names = ("dataset", "input", "train_size", "epochs", "batch_size", "learning_rate", "seed")
    fields = ("epochs", "batch_size", "learning_rate", "weight_decay", "precision")
    made_of = {
        "space": space.key,
        "recipe": {name: getattr(recipe, name) for name in fields},
        "audited": CHECKED_MEMBERS,
        "scored_on": SCORED_ON,
    }
    made_of |= {name: settings[name] for name in names}
    # A folder may hold other images than it did.
    made_of["images"] = proxy.data.digest
    digest = hashlib.blake2b(json.dumps(made_of, sort_keys=True).encode(), digest_size=6).hexdigest()
    name = f"supernet-{space.name}-{options.dataset.partition(':')[0]}-{digest}"
    evaluator = SupernetEvaluator(proxy, space, recipe, name, options.seed, options.inherit)
    settings |= {"supernet": name, "inherit": options.inherit}
    return Evaluation(
        evaluator, space, settings, least_confirm=1, features=features_of(proxy), images=proxy.data.digest
    )
