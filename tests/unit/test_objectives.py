"""The objectives of a study, and fronts of more than two."""

import dataclasses

import pytest

from nas.errors import ParameterError, UnknownNameError
from nas.objective import ACCURACY, LATENCY, MACS, latency_on, objectives_of
from nas.results.front import front, pick, results
from nas.results.region import front_hypervolume
from nas.results.settings import ComparableSettings
from nas.trial import Trial
from tests.builders import complete, measurement, small_space

TARGETS = ("cpu", "onnxruntime")


def test_names_of_objectives() -> None:
    assert objectives_of(("accuracy", "latency"), TARGETS) == (ACCURACY, LATENCY)
    assert objectives_of(("accuracy", "latency@cpu"), TARGETS) == (ACCURACY, LATENCY)
    assert objectives_of(("accuracy", "latency", "latency@onnxruntime", "macs"), TARGETS) == (
        ACCURACY,
        LATENCY,
        latency_on("onnxruntime"),
        MACS,
    )


def test_what_is_no_objective() -> None:
    with pytest.raises(ParameterError, match=r"latency@cuda needs --target cuda; targets: cpu, onnxruntime"):
        objectives_of(("accuracy", "latency@cuda"), TARGETS)
    with pytest.raises(UnknownNameError, match=r"'speed'.*latency@onnxruntime"):
        objectives_of(("accuracy", "speed"), TARGETS)
    for names in (("accuracy",), ("latency", "macs"), ("accuracy", "latency", "latency@cpu")):
        with pytest.raises(ParameterError, match="each once"):
            objectives_of(names, TARGETS)


def trials() -> list[Trial]:
    """The last one is dominated in accuracy and latency on the first target, and the fastest on the second."""
    made = []
    figures = ((0.9, 2.0, 5.0, 100), (0.8, 1.0, 4.0, 90), (0.7, 3.0, 1.0, 95))
    for number, (member, (accuracy, latency, other, macs)) in enumerate(zip(small_space(), figures, strict=False)):
        outcome = dataclasses.replace(
            complete(accuracy, latency), latencies={"onnxruntime": measurement(other)}, costs={"macs": macs}
        )
        made.append(Trial(number, member, outcome.state, 0, 1, outcome))
    return made


def numbers(*objectives: str) -> list[int]:
    rows = results(trials(), ComparableSettings({"objectives": list(objectives)}))
    return sorted(member.trial.number for member in front(rows))


def test_the_front_is_of_the_studys_objectives() -> None:
    assert numbers("accuracy", "latency_ms") == [0, 1]
    assert numbers("accuracy", "latency_ms@onnxruntime") == [0, 1, 2]
    assert numbers("accuracy", "latency_ms", "latency_ms@onnxruntime") == [0, 1, 2]
    assert numbers("accuracy", "macs") == [0, 1]


def test_volume_and_picks_of_three_objectives() -> None:
    settings = ComparableSettings({"objectives": ["accuracy", "latency_ms", "macs"], "max_latency_ms": 4.0})
    rows = results(trials(), settings)
    # Reference: the worst accuracy of three results, 4 ms, 100 MACs. Trial 0 has no fewer MACs than the worst.
    assert front_hypervolume(rows, settings) == pytest.approx((0.8 - 0.7) * 3.0 * 10)
    assert pick(rows, "accuracy").trial.number == 0
    assert pick(rows, "latency").trial.number == 1
