"""The accuracy that is expected of each architecture of a study, from its trainings and from those of others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nas.results.ladder import Ladder, predict_targets, standard_error
from nas.results.shrinkage import SeedResult, ShrinkageEstimator, fit_scores, fit_shrinkage
from nas.results.similarity import feature_columns
from nas.trial import Fidelity, Trial, TrialState


class Expectation(NamedTuple):
    """The expected accuracy of an architecture; the errors are as in Result."""

    accuracy: float
    accuracy_sd: float
    standard_error: float
    is_predicted: bool


def expectations(
    complete: Sequence[Trial], trained: Mapping[int, tuple[SeedResult, ...]], ladder: Ladder | None
) -> dict[int, Expectation]:
    """Return what is expected of each complete trial, by its number; `trained` has its results by seed."""
    columns = feature_columns([trial.architecture for trial in complete])
    has_further = any(len(runs) > 1 for runs in trained.values())
    if ladder is not None and has_further:
        predictions = predict_targets([ladder.accuracies(trial) for trial in complete], columns)
        return {
            trial.number: Expectation(
                prediction.mean, prediction.sd, standard_error(ladder.final(trial)), len(trained[trial.number]) == 1
            )
            for trial, prediction in zip(complete, predictions, strict=True)
        }
    # An accuracy without a learning curve is a supernet score, not a training's.
    has_scores = not any(trial.outcome is not None and trial.outcome.curve for trial in complete)
    runs_by_trial = list(trained.values())
    estimator: ShrinkageEstimator = fit_scores(runs_by_trial) if has_scores else fit_shrinkage(runs_by_trial, columns)
    return {
        number: Expectation(
            estimator(runs, similarity),
            estimator.accuracy_sd,
            estimator.standard_error(len(runs[1:] or runs)),
            is_predicted=has_scores and has_further and len(runs) == 1,
        )
        for (number, runs), similarity in zip(trained.items(), estimator.similarity, strict=True)
    }


def seed_results(trial: Trial, target: Fidelity | None) -> tuple[SeedResult, ...]:
    """Return one result for each seed, the search's own first, then those of trainings at the target if there is one.

    Empty for a trial that is not complete, and for a score whose member could not be trained.
    """
    if trial.state is not TrialState.COMPLETE or trial.outcome is None:
        return ()
    confirmations = [confirmation.outcome for confirmation in trial.confirmations if confirmation.fidelity == target]
    if not trial.outcome.curve and confirmations and all(outcome.accuracy is None for outcome in confirmations):
        return ()
    return tuple(
        SeedResult(outcome.accuracy, outcome.curve[-1].loss if outcome.curve else None)
        for outcome in (trial.outcome, *confirmations)
        if outcome.accuracy is not None
    )
