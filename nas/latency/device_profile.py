"""A target's profile: a designed set of a space's networks, measured, and how well they predict the rest."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.latency.latency_model import Feature, LatencyModel, Prediction, deepened, features
from nas.latency.meter import Deployment, LatencyRecord, Meter, measure
from nas.objective import Measurement
from nas.results.rank_correlation import rank_correlation
from nas.space import SearchSpace

# Random members from which the design is chosen.
POOL = 2000
FOLDS = 8
CLOSE = 0.10
# Of the variance of each coefficient under the design's model, what stays without any measurement.
RIDGE = 1e-2


@dataclass(frozen=True)
class PredictionErrors:
    """Of predictions for networks that the predictor was not fitted on.

    `close` is the share within a tenth of the measured time, `covered` the share inside the 95% interval, `typical`
    the median of the relative errors, `tau` Kendall's rank correlation.
    """

    networks: int
    close: float
    covered: float
    typical: float
    tau: float


def design(space: SearchSpace, model_input: ModelInput, builder: Builder, count: int, seed: int) -> list[Architecture]:
    """At most `count` members that together tell most about the others: each next is the one least known yet.

    Greedy D-optimal design (Fedorov, 1972) over random members.
    """
    generator = random.Random(seed)  # noqa: S311 - not for secrets
    pool = list({member.key: member for member in (space.sample(generator) for _ in range(POOL))}.values())
    rows = [features(member, model_input, builder) for member in pool]
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    matrix /= np.maximum(matrix.std(0), 1e-12) + np.abs(matrix.mean(0))
    unknown = np.eye(len(names)) / RIDGE
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        doubts = np.einsum("ij,jk,ik->i", matrix, unknown, matrix)
        doubts[chosen] = -1.0
        best = int(np.argmax(doubts))
        chosen.append(best)
        along = unknown @ matrix[best]
        unknown -= np.outer(along, along) / (1.0 + matrix[best] @ along)
    return [pool[index] for index in chosen]


def measure_design(
    space: SearchSpace, at: ModelInput, builder: Builder, meter: Meter, record: LatencyRecord, count: int, seed: int
) -> Iterator[tuple[Architecture, Measurement]]:
    """The design's networks, each from the record or measured now."""
    for member in design(space, at, builder, count, seed):
        yield member, measure(Deployment(member, at), meter, record)


def per_block_ms(
    space: SearchSpace, at: ModelInput, builder: Builder, latency_model: LatencyModel
) -> dict[str, list[float | None]]:
    """For each mixer, what one more block costs in each stage at the middle of its widths; None where it may not be."""
    middle = {name: options[len(options) // 2] for name, options in space.choices.items()}
    mixers = dict.fromkeys(mixer for stage in space.stages for mixer in stage.fields["mixer"])
    found: dict[str, list[float | None]] = {str(mixer): [None] * len(space.stages) for mixer in mixers}
    for place, stage in enumerate(space.stages):
        for mixer in stage.fields["mixer"]:
            member = space.compose(middle | {f"stage{place + 1}.mixer": mixer})
            with_more, without = (
                latency_model.predict(features(each, at, builder)).ms for each in (deepened(member, place), member)
            )
            found[str(mixer)][place] = with_more - without
    return found


def cross_validate(
    rows: Sequence[Mapping[Feature, float]], latencies_ms: Sequence[float], seed: int
) -> PredictionErrors:
    """What a predictor of most of the networks gets wrong of the others, over all ways of leaving some out."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)  # noqa: S311 - not for secrets
    found: dict[int, Prediction] = {}
    for fold in range(FOLDS):
        left_out = set(order[fold::FOLDS])
        kept = [index for index in range(len(rows)) if index not in left_out]
        latency_model = LatencyModel([rows[index] for index in kept], [latencies_ms[index] for index in kept])
        found |= {index: latency_model.predict(rows[index]) for index in left_out}
    return prediction_errors([found[index] for index in range(len(rows))], latencies_ms)


def prediction_errors(predictions: Sequence[Prediction], latencies_ms: Sequence[float]) -> PredictionErrors:
    """Of predictions beside what was measured."""
    times = np.array(latencies_ms)
    relative = np.abs(np.array([prediction.ms for prediction in predictions]) - times) / times
    inside = [low <= time <= high for (_, low, high), time in zip(predictions, latencies_ms, strict=True)]
    return PredictionErrors(
        networks=len(times),
        close=float((relative <= CLOSE).mean()),
        covered=float(np.mean(inside)),
        typical=float(np.median(relative)),
        tau=rank_correlation([prediction.ms for prediction in predictions], latencies_ms),
    )
