"""The worth of short trainings: rank correlations with the target, gains by kind of mixing, and a conclusion."""

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from nas.architecture import Architecture, Stage
from nas.results.ladder import Ladder
from nas.results.rung_report import MIN_AT_TARGET, RungReport, conclusion, rung_reports, study_reports
from nas.results.settings import ComparableSettings
from nas.space.mixing import GLOBAL, LOCAL, kind_of
from nas.trial import Confirmation, Fidelity, Trial, TrialState
from tests.builders import complete
from tests.conftest import run_nas
from tests.studies import LADDER, longer, make_ladder_study, make_study

SHORT, MIDDLE, TARGET = Fidelity(100, 2), Fidelity(400, 2), Fidelity(400, 6)


def trial(number: int, accuracies: Sequence[float], *, is_attention: bool = False) -> Trial:
    """A trial with these accuracies from the lowest rung on."""
    own = complete(accuracies[0], 1.0)
    further = [
        Confirmation(1 + index, longer(own, fidelity, accuracy - accuracies[0]), fidelity)
        for index, (fidelity, accuracy) in enumerate(zip((MIDDLE, TARGET), accuracies[1:], strict=False))
    ]
    mixer = "attention" if is_attention else "pool"
    architecture = Architecture((Stage("pool", 1, 32), Stage(mixer, 1, 32 + 8 * number)))
    return Trial(number, architecture, TrialState.COMPLETE, 0, outcome=own, confirmations=tuple(further))


def reports(trials: Sequence[Trial]) -> list[RungReport]:
    return rung_reports(trials, Ladder((SHORT, MIDDLE, TARGET)), kind_of)


def test_a_rung_is_judged_by_those_that_reached_the_target() -> None:
    climbed = [trial(index, (0.3 + index / 50, 0.5 + index / 50, 0.7 + index / 50)) for index in range(6)]
    others = [trial(10, (0.9,)), trial(11, (0.2, 0.8))]
    first, middle, last = reports([*climbed, *others])
    assert [(report.trained, report.compared) for report in (first, middle, last)] == [(8, 6), (7, 6), (6, 6)]
    assert (first.tau, middle.tau, last.tau) == (pytest.approx(1.0), pytest.approx(1.0), None)
    assert first.interval == pytest.approx((1.0, 1.0))
    assert (first.train_s, middle.train_s, last.train_s) == (1.0, 2.0, 6.0)
    assert first.gains[LOCAL].mean == pytest.approx(0.4)
    assert GLOBAL not in first.gains
    assert last.gains == {}


def test_an_interval_is_wide_where_few_were_trained_at_the_target() -> None:
    generator = random.Random(0)

    def width(count: int) -> float:
        trials = [
            trial(index, (x := 0.3 + 0.4 * generator.random(), x, x + generator.gauss(0.1, 0.08)))
            for index in range(count)
        ]
        low, high = reports(trials)[0].interval or (0.0, 0.0)
        assert low <= high
        return high - low

    assert width(40) < width(6)


def test_trials_are_called_unfair_only_where_it_is_no_chance() -> None:
    steps = [index / 50 for index in range(5)]
    local = [trial(index, (0.3 + step, 0.5, 0.6 + step + 0.01 * (index % 2))) for index, step in enumerate(steps)]

    def with_attention(gain: float) -> list[str]:
        spread = [
            trial(10 + index, (0.3 + step, 0.5, 0.3 + gain + step + 0.01 * (index % 2)), is_attention=True)
            for index, step in enumerate(steps)
        ]
        return conclusion(reports([*local, *spread]))

    _, unfair = with_attention(0.5)
    assert (
        unfair
        == "up to the target global mixing gains 50.4%, local mixing 30.4%: the trials are unfair to global mixing"
    )
    assert with_attention(0.1)[1].endswith("the trials are unfair to local mixing")
    assert with_attention(0.3)[1].endswith("no more than chance")


def test_a_better_rung_than_the_trials_is_named() -> None:
    finals = [0.60, 0.62, 0.64, 0.66, 0.68]
    own = [0.34, 0.30, 0.36, 0.32, 0.38]
    line, _ = conclusion(reports([trial(i, (own[i], finals[i] - 0.1, finals[i])) for i in range(5)]))
    assert line.startswith("the trials (100 images x 2 epochs) rank the 5 networks at the target roughly: tau 0.40 (")
    assert "; 400 images x 2 epochs rank them by tau 1.00 (1.00 to 1.00)" in line


def test_with_few_at_the_target_nothing_is_said_yet() -> None:
    few = [trial(index, (0.3 + index / 50, 0.5, 0.7)) for index in range(MIN_AT_TARGET - 1)]
    assert all(report.tau is None and not report.gains for report in reports(few))
    assert conclusion(reports(few)) == [
        "3 networks have been trained at the target, 400 images x 6 epochs",
        "with fewer than 4 one cannot say yet what shorter trainings are worth",
    ]
    assert conclusion(reports(few[:1]))[0].startswith("1 network has been")


def test_a_study_without_a_ladder_has_no_rungs() -> None:
    assert study_reports([trial(0, (0.5,))], ComparableSettings({})) == []
    assert conclusion([]) == [
        "the study has no target training: its front is judged by trainings as short as its trials"
    ]


def test_a_network_is_global_where_any_block_is() -> None:
    assert kind_of(Architecture((Stage("pool", 1, 32), Stage("attention", 1, 32)))) == GLOBAL
    # A stage without blocks mixes nothing.
    assert kind_of(Architecture((Stage("pool", 1, 32), Stage("attention", 0, 32)))) == LOCAL
    assert kind_of(Architecture((Stage("of another package", 1, 32),))) is None


def test_the_command_shows_a_row_for_each_rung(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_ladder_study(url, name="climbed", finals=8)
    shown = run_nas(["fidelity", "--json"], tmp_path).json()
    assert shown["study"] == "climbed"
    assert [(rung["images"], rung["epochs"]) for rung in shown["rungs"]] == [(100, 2), (400, 2), (400, 6)]
    assert [rung["trained"] for rung in shown["rungs"]] == [12, 9, 8]
    first = shown["rungs"][0]
    low, high = first["tau_interval"]
    assert -1 <= low <= first["tau"] <= high <= 1
    assert first["gain"] == {"local": pytest.approx(0.05), "global": pytest.approx(0.10)}
    printed = run_nas(["fidelity", "--study", "climbed"], tmp_path)
    assert printed.code == 0, printed.err
    first_line, second_line, *table = printed.out.splitlines()
    assert first_line == f"study climbed: {shown['conclusion'][0]}"
    assert second_line == shown["conclusion"][1]
    assert [line.split()[:3] for line in table[1:4]] == [["100", "2", "12"], ["400", "2", "9"], ["400", "6", "8"]]
    assert "+10.0%" in table[1]


def test_the_command_says_where_there_is_no_ladder(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}")
    printed = run_nas(["fidelity"], tmp_path)
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.startswith("study study: the study has no target training")
    assert run_nas(["fidelity", "--json"], tmp_path).json()["rungs"] == []
    unknown = run_nas(["fidelity", "--study", "none"], tmp_path)
    assert (unknown.code, len(unknown.err.splitlines())) == (2, 1)


def test_a_failed_training_is_none(tmp_path: Path) -> None:
    whole = [trial(index, (0.3 + index / 50, 0.5, 0.7 + index / 50)) for index in range(5)]
    *_, last = whole[0].confirmations
    failed = dataclasses.replace(last, outcome=dataclasses.replace(last.outcome, accuracy=None))
    broken = dataclasses.replace(whole[0], confirmations=(*whole[0].confirmations[:1], failed))
    assert [report.trained for report in reports([broken, *whole[1:]])] == [5, 5, 4]
    assert LADDER.final(broken) is None
