"""The latency profile of a device: a designed set of measured networks, and the prediction errors for others."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.latency.latency_model import Feature, LatencyModel, Prediction, features, with_extra_block
from nas.latency.meter import Deployment, LatencyRecord, Meter, measure
from nas.objective import Measurement
from nas.results.rank_correlation import rank_correlation
from nas.space import SearchSpace

# The number of random members from which the design is chosen.
POOL = 2000
FOLDS = 8
# The relative error up to which a prediction counts as close.
MAX_CLOSE_ERROR = 0.10
# The inverse prior variance of each coefficient under the design's model.
RIDGE = 1e-2


@dataclass(frozen=True)
class PredictionErrors:
    """The errors of latency predictions for networks outside the fit.

    `close` is the share within a tenth of the measured time, `covered` the share whose measured time is inside the 95%
    interval, `typical` the median relative error, `tau` Kendall's rank correlation.
    """

    networks: int
    close: float
    covered: float
    typical: float
    tau: float


def design(space: SearchSpace, model_input: ModelInput, builder: Builder, count: int, seed: int) -> list[Architecture]:
    """Choose at most `count` members to measure: at each step, the one with the largest predictive variance.

    Greedy D-optimal design (Fedorov, 1972) over random members.
    """
    generator = random.Random(seed)  # noqa: S311 - not for secrets
    pool = list({member.key: member for member in (space.sample(generator) for _ in range(POOL))}.values())
    rows = [features(member, model_input, builder) for member in pool]
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    matrix /= np.maximum(matrix.std(0), 1e-12) + np.abs(matrix.mean(0))
    covariance = np.eye(len(names)) / RIDGE
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        variances = np.einsum("ij,jk,ik->i", matrix, covariance, matrix)
        variances[chosen] = -1.0
        best = int(np.argmax(variances))
        chosen.append(best)
        update = covariance @ matrix[best]
        covariance -= np.outer(update, update) / (1.0 + matrix[best] @ update)
    return [pool[index] for index in chosen]


def measure_design(
    space: SearchSpace, at: ModelInput, builder: Builder, meter: Meter, record: LatencyRecord, count: int, seed: int
) -> Iterator[tuple[Architecture, Measurement]]:
    """Yield the networks of the design with their measurements, recorded or taken now."""
    for member in design(space, at, builder, count, seed):
        yield member, measure(Deployment(member, at), meter, record)


def per_block_ms(
    space: SearchSpace, at: ModelInput, builder: Builder, latency_model: LatencyModel
) -> dict[str, list[float | None]]:
    """Return the predicted cost of one more block of each mixer in each stage, at the stage's middle width.

    None where the stage does not offer the mixer.
    """
    middle = {name: options[len(options) // 2] for name, options in space.choices.items()}
    mixers = dict.fromkeys(mixer for stage in space.stages for mixer in stage.fields["mixer"])
    costs: dict[str, list[float | None]] = {str(mixer): [None] * len(space.stages) for mixer in mixers}
    for index, stage in enumerate(space.stages):
        for mixer in stage.fields["mixer"]:
            member = space.compose(middle | {f"stage{index + 1}.mixer": mixer})
            deeper_ms, member_ms = (
                latency_model.predict(features(architecture, at, builder)).ms
                for architecture in (with_extra_block(member, index), member)
            )
            costs[str(mixer)][index] = deeper_ms - member_ms
    return costs


def cross_validate(
    rows: Sequence[Mapping[Feature, float]], latencies_ms: Sequence[float], seed: int
) -> PredictionErrors:
    """Return the errors of k-fold cross-validation: each network is predicted by a model of the other folds."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)  # noqa: S311 - not for secrets
    predictions: dict[int, Prediction] = {}
    for fold in range(FOLDS):
        left_out = set(order[fold::FOLDS])
        kept = [index for index in range(len(rows)) if index not in left_out]
        latency_model = LatencyModel([rows[index] for index in kept], [latencies_ms[index] for index in kept])
        predictions |= {index: latency_model.predict(rows[index]) for index in left_out}
    return prediction_errors([predictions[index] for index in range(len(rows))], latencies_ms)


def prediction_errors(predictions: Sequence[Prediction], latencies_ms: Sequence[float]) -> PredictionErrors:
    """Return the errors of predictions against measured latencies."""
    times = np.array(latencies_ms)
    relative = np.abs(np.array([prediction.ms for prediction in predictions]) - times) / times
    inside = [low <= time <= high for (_, low, high), time in zip(predictions, latencies_ms, strict=True)]
    return PredictionErrors(
        networks=len(times),
        close=float((relative <= MAX_CLOSE_ERROR).mean()),
        covered=float(np.mean(inside)),
        typical=float(np.median(relative)),
        tau=rank_correlation([prediction.ms for prediction in predictions], latencies_ms),
    )
