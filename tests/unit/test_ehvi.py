"""Our sampler's parts, and that it beats the others where it should."""

import random
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, IntDistribution
from scipy.stats import mannwhitneyu

from nas.architecture import Architecture
from nas.results.pareto import hypervolume
from nas.samplers.distributions import distributions
from nas.samplers.ehvi.box_decomposition import BoxDecomposition
from nas.samplers.ehvi.encoding import Encoding
from nas.samplers.ehvi.fitting import MAX_OBSERVATIONS, OutcomeTransform, Surrogates, TrainingSet, fit_size
from nas.samplers.ehvi.sampler import EhviSampler
from nas.samplers.ehvi.surrogate import Surrogate
from nas.samplers.setting import CURVE, OBSERVED
from nas.simulation.replay import ReplayOptions, replay
from nas.simulation.space import TableSpace
from nas.simulation.table import read_table
from nas.space import Choice
from search_spaces.hybrid import HYBRID
from search_spaces.metaformer import METAFORMER
from tests.tables import write_table

unit = st.floats(0.01, 0.99)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "small.csv")


@given(st.randoms(use_true_random=False))
def test_an_encoded_member_is_the_same_again_and_its_distances_count_differences(generator: random.Random) -> None:
    encoding = Encoding(METAFORMER.choices)
    one, other = (encoding.row(METAFORMER.encode(METAFORMER.sample(generator))) for _ in range(2))
    assert METAFORMER.decode(encoding.parameters(one))
    design = encoding.design([one, other])
    first, second = encoding.indices([one, other])
    assert encoding.rows(encoding.indices([one, other])) == [one, other]
    distances = np.abs(design.values[0] - design.values[1]) * design.scales
    by_group = np.bincount(design.groups, distances)
    assert by_group.max(initial=0.0) <= 1.0 + 1e-12
    assert (by_group > 0).sum() >= (first != second).sum()
    assert (distances.sum() == 0) == (one == other)


def test_shares_are_those_of_parameters_with_the_same_options() -> None:
    mixers = ("pool", "conv", "attention")
    encoding = Encoding({"a": mixers, "b": mixers, "c": mixers, "width": (8, 16, 24), "lone": ("x", "y")})
    grid = np.array(np.meshgrid(*map(range, encoding.sizes))).reshape(5, -1).T
    shares = encoding.design(encoding.rows(grid)).shares
    assert shares.shape == (len(grid), 3)
    assert shares.mean(0) == pytest.approx(np.zeros(3))
    assert (shares**2).sum(1).mean() == pytest.approx(1.0)
    counts = np.stack([(grid[:, :3] == option).sum(1) for option in range(3)], 1)
    assert [np.corrcoef(shares[:, option], counts[:, option])[0, 1] for option in range(3)] == pytest.approx([1, 1, 1])
    unlike = Encoding({"width": (8, 16), "lone": ("x", "y")})
    assert unlike.design(unlike.rows(np.zeros((2, 2), np.int16))).shares.shape == (2, 0)


@pytest.mark.parametrize(("directions", "expensive"), [(["minimize"], 0), (["minimize", "minimize"], 2)])
def test_a_study_that_has_no_front_or_not_the_expensive_objective_is_refused(
    directions: list[str], expensive: int
) -> None:
    study = optuna.create_study(directions=directions, sampler=EhviSampler(HYBRID, 0, expensive=expensive))
    with pytest.raises(ValueError, match="two objectives or more"):
        study.ask(distributions(HYBRID))


def test_a_dozen_members_tell_which_mixer_is_good_wherever_it_is() -> None:
    """Where it was never seen, too: members without it in stage 1 tell of those that have it there."""
    mixers = ("pool", "conv", "attention")
    encoding = Encoding({f"stage{number}.mixer": mixers for number in range(1, 6)})
    generator = np.random.default_rng(0)
    seen = generator.integers(0, 3, (16, 5))
    seen[:, 0] = np.where(seen[:, 0] == 2, 0, seen[:, 0])
    losses = -1.0 * (seen == 2).sum(1)
    model = Surrogate(encoding.design(encoding.rows(seen)), (losses - losses.mean()) / losses.std(), np.zeros(16))
    new = np.repeat(generator.integers(0, 2, (20, 5)), 2, 0)
    new[1::2, 0] = 2
    mean, _ = model.predict(encoding.design(encoding.rows(new)))
    assert (mean[1::2] < mean[::2]).all()


@given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=6), st.tuples(unit, unit, unit))
def test_a_certain_candidate_improves_by_the_hypervolume_that_it_adds(
    front: list[tuple[float, ...]], candidate: tuple[float, ...]
) -> None:
    for size in (2, 3):
        points = [point[:size] for point in front]
        reference = (1.0,) * size
        added = hypervolume([*points, candidate[:size]], reference) - hypervolume(points, reference)
        improvement = BoxDecomposition(points, reference).improvement(
            np.array([candidate[0]]), np.array([1e-9]), np.array([candidate[1:size]])
        )
        assert improvement[0] == pytest.approx(added, abs=1e-6)


def test_an_uncertain_candidate_improves_as_sampling_says() -> None:
    points = [(0.2, 0.8), (0.5, 0.5), (0.8, 0.1)]
    boxes = BoxDecomposition(points, (1.0, 1.0))
    generator = np.random.default_rng(0)
    drawn = generator.normal(0.45, 0.2, 20_000)
    base = hypervolume(points, (1.0, 1.0))
    sampled = np.mean([hypervolume([*points, (loss, 0.4)], (1.0, 1.0)) - base for loss in drawn])
    improvement = boxes.improvement(np.array([0.45]), np.array([0.2]), np.array([[0.4]]))
    assert improvement[0] == pytest.approx(sampled, rel=0.03)


def test_the_surrogate_learns_which_choices_matter() -> None:
    generator = np.random.default_rng(0)
    encoding = Encoding({"matters": ("a", "b", "c"), "little": ("x", "y", "z"), "not": (1, 2, 3)})
    rows = generator.integers(0, 3, (80, 3))

    def truth(of: np.ndarray) -> np.ndarray:
        return 1.5 * (of[:, 0] == 1) + 0.3 * (of[:, 1] == 2)

    losses = truth(rows) + generator.normal(0, 0.02, 80)
    losses -= losses.mean()
    model = Surrogate(encoding.design(encoding.rows(rows)), losses, np.zeros(80))
    weights = model.hyperparameters.log_weights
    assert weights[0] > weights[1] > weights[2]
    grid = np.array(np.meshgrid(*[range(3)] * 3)).reshape(3, -1).T
    mean, sd = model.predict(encoding.design(encoding.rows(grid)))
    assert np.abs(mean - (truth(grid) - truth(rows).mean())).max() < 0.15
    assert (sd > 0).all()


def test_surrogates_are_fitted_to_a_limited_number_of_observations() -> None:
    encoding = Encoding(dict.fromkeys("abcdef", (0, 1, 2)))
    rows = np.random.default_rng(0).integers(0, 3, (900, 6))
    losses = rows.sum(1) - 6.0
    data = TrainingSet.uniform(encoding.rows(rows), losses)._replace(gaps=losses)
    size = fit_size(900)
    fitted = Surrogates().fit("x", data, size, lambda: data.first(size), encoding.design)
    assert len(fitted._design.values) <= MAX_OBSERVATIONS + 900 - size
    assert np.abs(fitted.predict(encoding.design(encoding.rows(rows)))[0] - losses).mean() < 0.5


@given(st.integers(1, 5000))
def test_hyperparameters_are_fitted_at_a_few_sizes_alone(count: int) -> None:
    assert fit_size(count) <= count
    assert fit_size(fit_size(count)) == fit_size(count)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50, unique=True))
def test_the_outcome_transform_keeps_the_order(losses: list[float]) -> None:
    scaled = OutcomeTransform.fit(np.array(losses))(np.array(sorted(losses)))
    assert (np.diff(scaled) >= 0).all()


def proposals(sampler: EhviSampler, space, values, count: int, directions=("maximize", "minimize")) -> list[str]:
    """Return the keys of the members that it proposes in a plain Optuna study; `values` None is a failed trial."""
    study = optuna.create_study(directions=list(directions), sampler=sampler)
    keys = []
    for _ in range(count):
        trial = study.ask(sampler.infer_relative_search_space(study, None))
        member = space.decode(trial.params)
        keys.append(member.key)
        measured = values(member)
        study.tell(trial, measured, state=None if measured is not None else optuna.trial.TrialState.FAIL)
    return keys


def figures(space: TableSpace, *names: str):
    return lambda member: [space.row(member).figures[name] for name in names]


@pytest.mark.parametrize("known", [True, False])
def test_any_optuna_study_of_a_space_may_use_it(table: Path, known: bool) -> None:
    space = TableSpace(read_table(table))
    costs = {1: lambda member: space.row(member).figures["latency_ms"]} if known else {}
    keys = proposals(EhviSampler(space, 0, costs=costs), space, figures(space, "accuracy", "latency_ms"), 60)
    assert len(set(keys)) == 60
    again = proposals(EhviSampler(space, 0, costs=costs), space, figures(space, "accuracy", "latency_ms"), 60)
    assert keys == again


def test_three_objectives_failed_trials_and_the_expensive_one_last(tmp_path: Path) -> None:
    space = TableSpace(read_table(write_table(tmp_path / "three.csv", third=True)))
    values = figures(space, "latency_ms", "energy", "accuracy")
    count = 0

    def sometimes(member):
        nonlocal count
        count += 1
        return None if count % 7 == 0 else values(member)

    sampler = EhviSampler(space, 0, expensive=2, costs={0: lambda member: space.row(member).figures["latency_ms"]})
    keys = proposals(sampler, space, sometimes, 50, ("minimize", "minimize", "maximize"))
    assert len(set(keys)) == 50


@pytest.mark.parametrize("space", [HYBRID, METAFORMER], ids=lambda space: space.name)
def test_large_spaces(space) -> None:
    def values(member):
        depth = sum(stage.depth for stage in member.stages)
        return [1 - 1 / (1 + depth), sum(stage.depth * stage.width for stage in member.stages) / 100]

    keys = proposals(EhviSampler(space, 0), space, values, 25)
    assert len(set(keys)) == 25


def test_nothing_known_to_be_over_a_limit_is_proposed(table: Path) -> None:
    space = TableSpace(read_table(table))
    latency = {1: lambda member: space.row(member).figures["latency_ms"]}
    sampler = EhviSampler(space, 0, costs=latency, limits={1: 4.0})
    seen: list[float] = []

    def values(member):
        seen.append(space.row(member).figures["latency_ms"])
        return figures(space, "accuracy", "latency_ms")(member)

    proposals(sampler, space, values, 50)
    assert max(seen) <= 4.0


def size(member) -> float:
    """A made-up latency."""
    return 0.5 + sum(stage.depth * stage.width * len(stage.mixer) for stage in member.stages) / 1000


@pytest.mark.parametrize("known", [True, False], ids=["known", "learnt"])
def test_few_members_within_a_limit_are_found(known: bool) -> None:
    """One of two hundred is: while costs are learnt most of what is over the limit comes before that is clear."""
    generator = random.Random(0)
    limit = sorted(size(HYBRID.sample(generator)) for _ in range(2000))[10]
    sampler = EhviSampler(HYBRID, 0, costs={1: size} if known else None, limits={1: limit})
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    within, keys = [], set()
    for _ in range(40):
        trial = study.ask(distributions(HYBRID))
        member = HYBRID.decode(trial.params)
        keys.add(member.key)
        within.append(size(member) <= limit)
        if within[-1]:
            study.tell(trial, [1 - 1 / size(member), size(member)])
        else:
            trial.set_user_attr(OBSERVED, [None, size(member)])
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert len(keys) == 40
    assert all(within) if known else sum(within[20:]) > 5


def test_several_threads_ask_at_once() -> None:
    """Optuna's own `optimize` has them, and trials that take up their parameters one by one."""
    keys: list[str] = []

    def suggested(trial: optuna.Trial, name: str, among: BaseDistribution) -> Choice:
        time.sleep(0.001)
        if isinstance(among, IntDistribution):
            return trial.suggest_int(name, among.low, among.high, step=among.step)
        return trial.suggest_categorical(name, among.choices)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        choices = {name: suggested(trial, name, among) for name, among in distributions(HYBRID).items()}
        member = HYBRID.decode(choices)
        keys.append(member.key)
        return 1 - 1 / size(member), size(member)

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=EhviSampler(HYBRID, 0))
    study.optimize(objective, n_trials=40, n_jobs=4)
    assert len(keys) == len(set(keys)) == 40


@pytest.mark.parametrize("options", [{"limits": {7: 1.0}}, {"costs": {0: size}}], ids=["beyond", "cost"])
def test_costs_and_limits_are_of_further_objectives(options) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=EhviSampler(HYBRID, 0, **options))
    with pytest.raises(ValueError, match="besides the expensive one, whose numbers are 1, not"):
        study.ask(distributions(HYBRID))


def test_it_beats_random_and_tpe(table: Path) -> None:
    """After 30 of 729 trials, five seeds each, none stopped early: one-sided Mann-Whitney tests."""
    read = read_table(table)
    shares = {
        name: [replay(read, name, seed, ReplayOptions(30, early_stopping=False)).shares[2] for seed in range(5)]
        for name in ("ehvi", "random", "tpe")
    }
    for other in ("random", "tpe"):
        assert mannwhitneyu(shares["ehvi"], shares[other], alternative="greater").pvalue < 0.05


def test_without_a_seed_no_two_samplers_draw_alike() -> None:
    first, second = (proposals(EhviSampler(HYBRID), HYBRID, lambda _: (0.5, 1.0), 3) for _ in range(2))
    assert first != second


def test_a_running_trial_is_judged_by_its_expected_gain() -> None:
    """Two curves of the same architecture: one that starts as the best ones did, one far below all of them."""
    sampler = EhviSampler(HYBRID, seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    generator = random.Random(0)
    for _ in range(60):
        trial = study.ask(distributions(HYBRID))
        architecture = HYBRID.decode(trial.params)
        accuracy = 0.7 + 0.02 * sum(stage.mixer == "conv" for stage in architecture.stages)
        accuracy += generator.gauss(0, 0.003)
        trial.set_user_attr(CURVE, [1.2 - accuracy + generator.gauss(0, 0.003), 1.1 - accuracy, 1.0 - accuracy])
        study.tell(trial, [accuracy, float(sum(stage.depth * stage.width for stage in architecture.stages))])
    running = study.ask(distributions(HYBRID))
    assert sampler.should_continue(study, running.number, [0.35], 3) is True
    assert sampler.should_continue(study, running.number, [0.7], 3) is False


@pytest.mark.parametrize("known", [True, False])
def test_it_goes_on_as_if_it_had_never_been_interrupted(known: bool) -> None:
    """A new sampler proposes what the one that saw every trial come does, stopped ones and their curves among them."""

    def parameters(architecture: Architecture) -> float:
        return float(sum(stage.depth * stage.width for stage in architecture.stages))

    def made() -> EhviSampler:
        return EhviSampler(HYBRID, 0, costs={1: parameters} if known else {})

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=made())
    generator = random.Random(0)
    for number in range(45):
        trial = study.ask(distributions(HYBRID))
        architecture = HYBRID.decode(trial.params)
        if number > 20:
            others = optuna.create_study(directions=["maximize", "minimize"], sampler=made())
            others.add_trials(study.get_trials(deepcopy=False)[:-1])
            assert others.ask(distributions(HYBRID)).params == trial.params, number
        accuracy = 0.7 + 0.03 * sum(stage.mixer == "conv" for stage in architecture.stages) + generator.gauss(0, 0.01)
        curve = [1.2 - accuracy + generator.gauss(0, 0.01), 1.1 - accuracy, 1.0 - accuracy]
        if number > 12 and generator.random() < 0.5:
            trial.set_user_attr(CURVE, curve[:1])
            trial.set_user_attr(OBSERVED, [None, parameters(architecture)])
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            trial.set_user_attr(CURVE, curve)
            study.tell(trial, [accuracy, parameters(architecture)])


def test_without_curves_to_learn_from_nothing_is_judged() -> None:
    sampler = EhviSampler(HYBRID, seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(20):
        trial = study.ask(distributions(HYBRID))
        if number == 3:
            assert sampler.should_continue(study, trial.number, [0.5], 9) is None
        study.tell(trial, [0.5 + number / 100, 1.0 + number])
    assert sampler.should_continue(study, study.ask(distributions(HYBRID)).number, [0.5], 9) is None
