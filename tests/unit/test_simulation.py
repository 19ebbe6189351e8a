"""Simulated searches on recorded results."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import plugins
from nas.errors import ParameterError, UserError
from nas.evaluation import Job
from nas.samplers.distributions import distributions
from nas.simulation.choice_space import ChoiceSpace
from nas.simulation.evaluator import TabularEvaluator, first_epoch, learning_curve
from nas.simulation.hypervolume import HypervolumeScale
from nas.simulation.nearest import NearestRowSampler
from nas.simulation.replay import replay
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.runner import SimulatedRunner
from nas.simulation.space import TableSpace
from nas.simulation.table import Row, read_table
from nas.trial import TrialState
from tests.conftest import Finished
from tests.tables import write_table

GOOD = "param:a,param:b,accuracy,latency_ms\nx,1,0.5,2\ny,1,0.6,3\nx,2,0.7,4\n"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "small.csv")


def test_a_table_is_a_space_of_its_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    space = TableSpace(read_table(tmp_path / "t.csv"))
    assert space.choices == {"a": ("x", "y"), "b": (1, 2)}
    assert space.size == len(list(space)) == 3
    for member in space:
        assert space.decode(space.encode(member)) == member
        assert all(space.allows(other) for other in space.neighbours(member))
    assert not space.allows(space.compose({"a": "y", "b": 2}))
    with pytest.raises(ParameterError):
        space.decode({"a": "y", "b": 2})


def test_the_nearest_row_differs_least_and_is_not_taken(tmp_path: Path) -> None:
    rows = ["x,1,0.5,2", "x,2,0.5,2", "x,9,0.5,2", "y,9,0.5,2", "z,3,0.5,2"]
    (tmp_path / "t.csv").write_text("\n".join(["param:a,param:b,accuracy,latency_ms", *rows]) + "\n")
    space = TableSpace(read_table(tmp_path / "t.csv"))
    tried: set[str] = set()
    nearest = []
    for _ in rows:
        member = space.nearest({"a": "x", "b": 3}, tried, random.Random(0))
        tried.add(member.key)
        nearest.append(tuple(space.encode(member).values()))
    # Among b's options 1, 2, 3 and 9 both 2 and 9 are next to 3; two words differ as much as the ends of a range.
    assert set(nearest[:2]) == {("x", 2), ("x", 9)}
    assert nearest[2:] == [("x", 1), ("z", 3), ("y", 9)]


class ConstantSampler(optuna.samplers.RandomSampler):
    """Sampler that proposes the same choices each time."""

    def sample_relative(self, study, trial, search_space):
        return {"a": "y", "b": 2}


def test_for_what_is_no_row_or_on_record_the_nearest_row_stands(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    space = TableSpace(read_table(tmp_path / "t.csv"))
    tried: set[str] = set()
    sampler = NearestRowSampler(ConstantSampler(), space, lambda: tried, seed=0)
    study = optuna.create_study(sampler=sampler)
    for count in (1, 2, 3):
        tried.add(space.decode(study.ask(distributions(space)).params).key)
        assert len(tried) == sampler.absent == count
    (tmp_path / "t.csv").write_text(GOOD + "y,2,0.8,5\n")
    full = TableSpace(read_table(tmp_path / "t.csv"))
    sampler = NearestRowSampler(ConstantSampler(), full, lambda: [full.compose({"a": "y", "b": 2}).key], seed=0)
    assert optuna.create_study(sampler=sampler).ask(distributions(full)).params in (
        {"a": "x", "b": 2},
        {"a": "y", "b": 1},
    )
    assert (sampler.repeats, sampler.absent) == (1, 0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no column 'accuracy'; the file is empty"),
        (GOOD.replace("param:b", "param:"), "needs a name"),
        (GOOD.replace("param:b,", "param:b, ,").replace(",0.", ",0,0."), "without a name"),
        ("param:a,accuracy,latency_ms\nx,0.5,1\n", "fewer than 2 rows"),
        ("accuracy,latency_ms\n0.5,1\n", "param:NAME"),
        ("param:a,latency_ms\nx,1\n", "accuracy"),
        (GOOD + "x,1,0.9,9\n", "line 5: the same choices as in line 2"),
        (GOOD + "z,1,1.5,9\n", "line 5, column 'accuracy'"),
        (GOOD + "z,1,0.5,0\n", "line 5, column 'latency_ms'"),
        (GOOD + "z,1,0.5\n", "line 5"),
        (GOOD + "z,1,nan,1\n", "'nan'"),
        (GOOD.replace("param:b", "choice:b"), "'choice'"),
        (GOOD.replace("param:b", "accuracy@x"), "accuracy@EPOCH"),
        (GOOD.replace("param:b", "param:a"), "twice"),
        ("param:a,accuracy,latency_ms,cost_s@1\nx,0.5,1,-1\ny,0.6,2,1\n", "line 2: cost_s@EPOCH"),
        ("param:a,accuracy,latency_ms,cost_s@1,cost_s@3\nx,0.5,1,1,3\ny,0.6,2,4,3\n", "line 3: cost_s@EPOCH"),
    ],
)
def test_a_wrong_table_is_one_error_that_says_where(text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ParameterError, match=r"t\.csv") as raised:
        read_table(tmp_path / "t.csv")
    assert named in str(raised.value)


def test_a_table_of_a_spreadsheet_with_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD, encoding="utf-8-sig")
    (tmp_path / "plain.csv").write_text(GOOD)
    assert read_table(tmp_path / "t.csv").rows == read_table(tmp_path / "plain.csv").rows


@given(st.text(max_size=300))
def test_any_text_is_a_table_or_an_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_text(GOOD + text, newline="")
    with contextlib.suppress(UserError):
        read_table(file)


def test_epochs_that_are_not_recorded_have_the_accuracy_before_them() -> None:
    row = Row({"a": 1}, {"accuracy": 0.9, "latency_ms": 1.0}, {1: 0.3, 3: 0.6, 4: 0.9}, {1: 2.0, 4: 8.0})
    curve = learning_curve(row)
    assert [point.accuracy for point in curve] == [0.3, 0.3, 0.6, 0.9]
    assert sum(point.seconds for point in curve) == pytest.approx(8.0)
    assert [point.loss for point in curve] == pytest.approx([0.7, 0.7, 0.4, 0.1])


def test_of_a_shorter_training_than_the_accuracys_the_curve_ends_at_the_accuracys_error() -> None:
    row = Row({"a": "x"}, {"accuracy": 0.9, "latency_ms": 1.0}, {12: 0.6, 25: 0.7})
    curve = learning_curve(row)
    assert [curve[epoch - 1].loss for epoch in (12, 24, 25)] == pytest.approx([0.4, 0.4, 0.1])
    assert curve[-1].accuracy == 0.7
    # Before its first epoch no recorded curve can judge a trial.
    assert first_epoch(row) == 12
    assert first_epoch(Row({"a": "x"}, {"accuracy": 0.9, "latency_ms": 1.0})) == 1
    assert first_epoch(Row({"a": "x"}, row.figures, {1: 0.1, 9: 0.7}, training_losses={3: 1.0, 9: 0.5})) == 3


def test_columns_that_a_study_exports_and_names_with_accuracy_in_them(tmp_path: Path) -> None:
    head = "param:a,accuracy,latency_ms,latency_ms@cpu:batch=4@phone,feature:accuracy of others,accuracy_drop\n"
    (tmp_path / "t.csv").write_text(head + "x,0.5,2,8,1700,12.5\ny,0.6,3,9,1800,11\n")
    read = read_table(tmp_path / "t.csv")
    assert read.objectives == ("accuracy", "latency_ms", "latency_ms@cpu:batch=4@phone", "accuracy_drop")
    assert read.rows[0].features == {"accuracy of others": 1700.0}


def test_with_a_limit_that_few_rows_meet_the_fastest_is_tried_first(table: Path) -> None:
    read = read_table(table)
    fastest = sorted(row.figures["latency_ms"] for row in read.rows)
    result = replay(read, "random", 0, ReplayOptions(40, max_latency_ms=fastest[8]))
    assert len(result.course) == 40
    assert result.course[0] > 0


@pytest.mark.parametrize("sampler", ["ehvi", "tpe"])
def test_a_least_accuracy_is_where_the_hypervolume_begins(table: Path, sampler: str) -> None:
    read = read_table(table)
    accuracies = sorted(row.figures["accuracy"] for row in read.rows)
    options = ReplayOptions(20, min_accuracy=accuracies[-10])
    result = replay(read, sampler, 0, options)
    assert HypervolumeScale(read, options).reference[0] == 1 - accuracies[-10]
    at_least = [row is not None and read.rows[row].figures["accuracy"] > accuracies[-10] for row in result.rows]
    assert [share > 0 for share in result.course] == [any(at_least[: index + 1]) for index in range(20)]


def test_training_losses_are_replayed_where_they_are_recorded(tmp_path: Path) -> None:
    head = "param:a,accuracy,latency_ms,accuracy@1,accuracy@3,loss@1,loss@3\n"
    (tmp_path / "t.csv").write_text(head + "x,0.6,1,0.3,0.6,2.5,1.5\ny,0.7,1,0.4,0.7,2.25,1.25\n")
    losses = [[point.loss for point in learning_curve(row)] for row in read_table(tmp_path / "t.csv").rows]
    assert losses == [[2.5, 2.5, 1.5], [2.25, 2.25, 1.25]]


class Jobs:
    """Search that proposes each row once and stops the trials that `stop` selects."""

    def __init__(self, space: TableSpace, stop: Callable[[int], bool]) -> None:
        self.pending = [Job(member, 0, number, rungs=(1, 3)) for number, member in enumerate(space)]
        self.stop = stop
        self.ended: list[tuple[int, TrialState]] = []

    is_over = False

    def ask(self):
        return self.pending.pop(0) if self.pending else None

    def should_continue(self, job, outcome):
        return not self.stop(job.number)

    def tell(self, job, outcome):
        self.ended.append((job.number, outcome.state))

    def interrupt(self, job, cause, message):
        raise AssertionError


def test_more_workers_take_less_of_the_simulated_time(table: Path) -> None:
    space = TableSpace(read_table(table))
    simulated_s = {}
    for workers in (1, 4):
        jobs, runner = Jobs(space, stop=lambda number: number % 2 == 0), SimulatedRunner(workers)
        runner.run(jobs, TabularEvaluator(space, None))
        assert sorted(number for number, _ in jobs.ended) == list(range(space.size))
        assert {state for number, state in jobs.ended if number % 2 == 0} == {TrialState.STOPPED}
        simulated_s[workers] = runner.now_s
    assert simulated_s[4] == pytest.approx(simulated_s[1] / 4, rel=0.05)


@pytest.mark.parametrize("sampler", plugins.names(plugins.SAMPLERS))
def test_every_sampler_is_replayed_and_the_same_seed_gives_the_same_search(table: Path, sampler: str) -> None:
    read = read_table(table)
    first, second = (replay(read, sampler, 1, ReplayOptions(13, workers=3, max_latency_ms=6.0)) for _ in range(2))
    assert (first.shares, first.simulated_s) == (second.shares, second.simulated_s)
    assert 0 < first.shares[0] <= first.shares[1] <= first.shares[2] <= 1
    assert len(first.course) == len(first.rows) == 13
    assert list(first.course) == sorted(first.course)
    assert first.course[-1] == first.shares[2]


@pytest.mark.parametrize("sampler", plugins.names(plugins.SAMPLERS))
def test_with_the_same_knowledge_every_sampler_is_replayed_likewise(table: Path, sampler: str) -> None:
    read = read_table(table)
    options = ReplayOptions(13, workers=2, same_knowledge=True)
    first, second = (replay(read, sampler, 1, options) for _ in range(2))
    assert (first.rows, first.simulated_s) == (second.rows, second.simulated_s)
    assert len(first.rows) == 13


def test_with_the_same_knowledge_ehvi_does_not_know_latencies_and_rows(tmp_path: Path) -> None:
    lines = write_table(tmp_path / "whole.csv").read_text().splitlines()
    (tmp_path / "half.csv").write_text("\n".join(lines[:1] + lines[1::2]) + "\n")
    read = read_table(tmp_path / "half.csv")
    informed, ignorant = (replay(read, "ehvi", 0, ReplayOptions(30, same_knowledge=same)) for same in (False, True))
    assert informed.absent == 0
    assert ignorant.absent > 0
    assert informed.rows != ignorant.rows
    uninformed = [replay(read, "random", 0, ReplayOptions(30, same_knowledge=same)) for same in (False, True)]
    assert uninformed[0].rows == uninformed[1].rows


def test_a_choice_space_has_all_combinations_of_a_tables_choices(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    read = read_table(tmp_path / "t.csv")
    space, rows = ChoiceSpace(read), TableSpace(read)
    assert space.size == len(set(space)) == 4
    assert set(rows) < set(space)
    for member in space:
        assert space.decode(space.encode(member)) == member
        assert space.allows(member)
        assert len(list(space.neighbours(member))) == 2
    assert space.sample(random.Random(0)) in set(space)
    assert not space.allows(space.compose({"a": "z", "b": 1}))
    for wrong in ({"a": "z", "b": 1}, {"a": "x"}):
        with pytest.raises(ParameterError):
            space.decode(wrong)
    with pytest.raises(ParameterError):
        space.encode(space.compose({"a": "z", "b": 1}))


def test_one_search_gives_its_shares_from_any_reference(table: Path) -> None:
    read = read_table(table)
    options = ReplayOptions(40)
    others = [replace(options, log_latency=True), replace(options, reference=(0.3, 5.0))]
    for other in others:
        course = HypervolumeScale(read, other).course(replay(read, "random", 0, options).rows)
        assert course == replay(read, "random", 0, other).course


def test_a_scale_measures_completed_rows_from_its_reference(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    scale = HypervolumeScale(read_table(tmp_path / "t.csv"), ReplayOptions(reference=(0.6, 5.0)))
    # Errors .5, .4 and .3 at 2, 3 and 4 ms, up to an error of .6 and 5 ms.
    assert scale.best == pytest.approx(0.1 * 3 + 0.1 * 2 + 0.1 * 1)
    assert scale.course([None, 2, 0, 1]) == pytest.approx([0.0, 0.5, 5 / 6, 1.0])
    worst = HypervolumeScale(read_table(tmp_path / "t.csv"), ReplayOptions(max_latency_ms=3.0))
    assert worst.reference == pytest.approx((0.5, 3.0))


def test_stopped_trials_save_epochs(table: Path) -> None:
    read = read_table(table)
    with_it, without = (replay(read, "random", 0, ReplayOptions(150, early_stopping=is_on)) for is_on in (True, False))
    assert without.epochs == 1.0
    assert with_it.epochs < 0.8
    assert with_it.shares[2] > 0.98 * without.shares[2]


def test_the_command_prints_what_it_compares(table: Path, nas: Callable[..., Finished]) -> None:
    arguments = ("simulate", "--table", str(table), "--budget", "20", "--seeds", "2", "--sampler", "ehvi,random")
    shown = nas(*arguments, "--reference", "0.5,9", "--log-latency", "--workers", "2")
    assert shown.code == 0, shown.err
    assert "ehvi" in shown.out
    assert "random" in shown.out
    assert "reference error 0.5, 9 ms" in shown.out
    printed = nas(*arguments, "--json", "--features", "--no-early-stopping").json()
    assert (printed["budget"], printed["seeds"], printed["features"]) == (20, 2, True)
    assert printed["samplers"].keys() == {"ehvi", "random"}
    for sampler in printed["samplers"].values():
        assert all(search["epochs"] == 1.0 for search in sampler["searches"])
        ends = [search["shares"][-1] for search in sampler["searches"]]
        assert (sampler["N"]["mean"], sampler["N"]["worst"]) == (pytest.approx(sum(ends) / 2), min(ends))


def test_a_budget_of_more_than_there_is_is_remarked_on(tmp_path: Path, nas: Callable[..., Finished]) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    shown = nas("simulate", "--table", str(tmp_path / "t.csv"), "--budget", "3", "--seeds", "1", "--sampler", "random")
    assert "all 3 rows" in shown.out
    assert "every share is 1" not in shown.out
    assert " - " in shown.out


def test_a_table_from_whose_worst_nothing_is_to_be_won_is_remarked_on(
    tmp_path: Path, nas: Callable[..., Finished]
) -> None:
    (tmp_path / "t.csv").write_text("param:a,accuracy,latency_ms\n1,0.5,2\n2,0.6,2\n3,0.7,2\n")
    shown = nas("simulate", "--table", str(tmp_path / "t.csv"), "--budget", "2", "--seeds", "1", "--sampler", "random")
    assert "every share is 1" in shown.out


def test_features_that_a_table_does_not_have(tmp_path: Path, nas: Callable[..., Finished]) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    done = nas("simulate", "--table", str(tmp_path / "t.csv"), "--features")
    assert (done.code, "feature:NAME" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--sampler ehvi,magic", "--sampler 'ehvi,magic': 'magic' is not one of ehvi,"),
        ("--sampler random,ehvi,random", "'random' twice"),
        ("--sampler all,ehvi", "'all' is not one of ehvi,"),
        ("--same-knowledge --features", "--same-knowledge: no sampler knows features then; leave out --features"),
        ("--html nowhere/shares.html", "--html 'nowhere/shares.html' cannot be written: "),
        ("--budget 0", "--budget 0"),
        (
            "--reference 2,5",
            "--reference '2,5' is neither max nor ERROR,LATENCY, such as 0.3,5: an error above 0 and at most 1",
        ),
        ("--max-latency 0.001", "slower"),
        ("--min-accuracy 0.9999", "less accurate"),
        ("--reference 0.0001,0.0001", "--reference 0.0001,0.0001"),
        ("--table nowhere.csv", "nowhere.csv"),
    ],
)
def test_errors(table: Path, nas: Callable[..., Finished], arguments: str, named: str) -> None:
    done = nas("simulate", "--table", str(table), *arguments.split())
    assert done.code == 2
    assert named in done.err
    assert len(done.err.strip().splitlines()) == 1
