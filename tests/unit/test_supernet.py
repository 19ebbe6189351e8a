"""The supernet: shared weights are those of the members' own networks, it learns, it goes on; scores are corrected."""

import io
import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.architecture import Architecture, ModelInput
from nas.errors import ParameterError
from nas.evaluation import EvaluationOptions, Job
from nas.exports.training import TrainingRecipe
from nas.results.rank_correlation import rank_correlation
from nas.results.shrinkage import SeedResult
from nas.space import MixerChoice, SearchSpace, StageChoices
from nas.space.loading import load_space
from nas.store.artifact import Artifact
from nas.store.store import Store
from nas.study.jobs import Jobs
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Outcome
from search_spaces.model import build
from search_spaces.supernet import Supernet, use_batch_statistics
from workers.supernet.correction import correction
from workers.supernet.evaluator import KIND, SupernetEvaluator
from workers.supernet.evaluator import prepare as prepare_supernet
from workers.supernet.sandwich import Sandwich
from workers.supernet.scores import SCORED_ON, Scores
from workers.supernet.trainer import SupernetTrainer, load, shared_weights
from workers.training.proxy import ProxyEvaluator, prepare
from workers.training.setting import FP32

INPUT = ModelInput(1, 14, 14, 10)
# Each field that a stage may have, with more than one option, under a recipe with biases and scales.
EVERYTHING = SearchSpace(
    "everything",
    "",
    tuple(
        StageChoices(
            (MixerChoice("conv", (("kernel", 3),)), "conv", "attention", "token_mlp"),
            (1, 2),
            (24, 40, 72),
            mlp_ratios=(2, 3.5),
            norms=(None, "layer"),
            positions=(False, True),
        )
        for _ in range(3)
    ),
    recipe="v1",
)
SPACES = [load_space("hybrid-16"), load_space("metaformer"), EVERYTHING]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_a_member_is_its_own_network_on_shared_weights(space: SearchSpace, seed: int) -> None:
    torch.manual_seed(0)
    supernet = Supernet(space, INPUT).eval()
    member = space.sample(random.Random(seed))
    alone = build(member, INPUT).eval()
    alone.load_state_dict(supernet.inherited(member))
    use_batch_statistics(alone)
    images = torch.randn(2, 1, 14, 14)
    with torch.inference_mode():
        torch.testing.assert_close(supernet(images, member), alone(images))


def test_scores_are_what_each_member_by_itself_would_have_whatever_is_kept() -> None:
    space = load_space("hybrid-v1")
    # What is not trained on validates: a fifth at least.
    proxy = prepare(EvaluationOptions(device="cpu", train_size=1200), space).evaluator
    assert isinstance(proxy, ProxyEvaluator)
    supernet, data = shared_weights(proxy, space), proxy.resident
    generator = random.Random(0)
    members = [space.sample(generator) for _ in range(6)]
    members += [space.decode({**space.encode(member), "stage4.width": 48}) for member in members]
    # Room for everything, for a beginning or two, for nothing.
    for score in (Scores(supernet, proxy, size) for size in (2**30, 4 * 2**20, 0)):
        for member in members:
            alone = build(member, proxy.model_input)
            alone.load_state_dict(supernet.inherited(member))
            use_batch_statistics(alone)
            with torch.inference_mode():
                logits = alone.eval()(
                    FP32.batch(proxy.resident.normalise(proxy.resident.validation_images[:SCORED_ON]))
                )
            likelihood = -F.cross_entropy(logits, data.validation_labels[:SCORED_ON]).item()
            assert score(member) == pytest.approx(likelihood, rel=1e-5)


def test_what_scores_made_of_the_data_can_be_trained_on() -> None:
    """Nothing of it was made in inference mode, which autograd refuses to keep."""
    space = load_space("hybrid-16")
    proxy = prepare(EvaluationOptions(device="cpu", train_size=1200), space).evaluator
    assert isinstance(proxy, ProxyEvaluator)
    Scores(shared_weights(proxy, space), proxy)(next(iter(space)))
    assert not any(each.is_inference() for each in vars(proxy.resident).values() if isinstance(each, torch.Tensor))


def test_narrow_heads_are_the_first_of_wide_ones() -> None:
    """Query, key and value are stacked in one weight: the narrow one has the first channels of each."""
    supernet = Supernet(load_space("hybrid-v1"), INPUT)
    name = "stages.3.blocks.0.token_mixer.qkv.weight"
    wide, narrow = (supernet.inherited(_attention(width))[name].unflatten(0, (3, -1)) for width in (96, 48))
    assert torch.equal(narrow, wide[:, : narrow.shape[1], :48])


def _attention(last_width: int) -> Architecture:
    space = load_space("hybrid-v1")
    smallest = next(member for member in space.smallest_of_each_mixer() if member.layout == "AAAA")
    return space.decode({**space.encode(smallest), "stage4.width": last_width})


def trainer() -> SupernetTrainer:
    space = load_space("hybrid-v1")
    proxy = prepare(EvaluationOptions(device="cpu", train_size=256), space).evaluator
    assert isinstance(proxy, ProxyEvaluator)
    return SupernetTrainer(proxy, space, TrainingRecipe(3, 16, 3e-3), (space.sample(random.Random(0)),))


def test_it_learns_and_goes_on_where_it_was_cut_off() -> None:
    of_three = trainer()
    (member,) = of_three.check_members
    first, second, whole = of_three.evaluate(Job(member, 1, rungs=(1, 2)))
    assert first.accuracy is None
    assert whole.accuracy is not None
    assert whole.curve[2].loss < first.curve[0].loss
    assert whole.costs.keys() == {member.key}
    (resumed,) = of_three.evaluate(Job(member, 1, resume_from=second))
    one, other = (shared_weights(of_three.proxy, of_three.space) for _ in range(2))
    load(one, whole.checkpoint or b"")
    load(other, resumed.checkpoint or b"")
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name])
    assert [point.epoch for point in resumed.curve] == [1, 2, 3]


@pytest.mark.slow
def test_of_two_trainings_the_one_that_is_ahead_stays_on_record(tmp_path: Path) -> None:
    evaluator = prepare_supernet(
        EvaluationOptions(device="cpu", train_size=64, supernet_epochs=2), load_space("hybrid-16")
    ).evaluator
    assert isinstance(evaluator, SupernetEvaluator)
    with Store.open(f"sqlite:///{tmp_path / 'nas.db'}", create=True) as store:
        details = {"epochs": 2, "stages": []}
        finished = Artifact(evaluator.name, KIND, details, b"the other one's", 1.0)

        def run(jobs: Jobs, trainer: SupernetTrainer, workers: int | None) -> None:
            job = jobs.ask()
            assert job is not None
            *_, first, last = trainer.evaluate(job)
            jobs.should_continue(job, first)
            assert store.artifact(evaluator.name).details["epochs"] == 1
            store.put_artifact(finished)
            jobs.tell(job, last)

        evaluator.trained(store, run, lambda event, fields: None)
        assert store.artifact(evaluator.name).content == finished.content


def test_each_batch_trains_every_size() -> None:
    torch.manual_seed(0)
    space = load_space("hybrid-v1")
    model = Sandwich(Supernet(space, INPUT), space)
    model.loss(torch.randn(4, 1, 14, 14), torch.tensor([0, 1, 2, 3])).backward()
    stem = model.supernet.weights["stem/conv/weight"]
    assert stem.shape[0] == 32
    assert (stem.grad.flatten(1).abs().sum(1) > 0).all()


def test_scores_are_corrected_by_what_mixers_are_favoured() -> None:
    """Attention is worth more than its score says; members that were left out tell whether that is learnt."""
    space = load_space("hybrid-16")
    generator = random.Random(0)
    members = [space.sample(generator) for _ in range(40)]

    def truth(member: Architecture) -> float:
        blocks = [stage.mixer for stage in member.stages for _ in range(stage.depth)]
        return 0.7 + 0.1 * blocks.count("attention") / len(blocks)

    scores = [generator.gauss(0.5, 0.02) for _ in members]
    accuracies = [truth(member) + score - 0.5 for member, score in zip(members, scores, strict=True)]
    found = correction(space, members[:24], scores[:24], [SeedResult(each) for each in accuracies[:24]])
    assert found.tau > found.raw_tau
    off = [
        abs(found(member, score) - accuracy)
        for member, score, accuracy in zip(members[24:], scores[24:], accuracies[24:], strict=True)
    ]
    assert sum(off) / len(off) < 0.02


def test_the_reported_tau_of_a_correction_is_that_of_new_members() -> None:
    """Scores that need no correction are not made worse, and tau is that of members nobody has seen."""
    space = load_space("hybrid-16")
    estimated, reached, raw = [], [], []
    for seed in range(4):
        generator = random.Random(seed)
        members = [space.sample(generator) for _ in range(124)]
        truth = [0.8 + generator.gauss(0, 0.02) for _ in members]
        scores = [0.5 + 2 * (accuracy - 0.8) + generator.gauss(0, 0.02) for accuracy in truth]
        correct = correction(space, members[:24], scores[:24], [SeedResult(each) for each in truth[:24]])
        corrected = [correct(member, score) for member, score in zip(members[24:], scores[24:], strict=True)]
        estimated.append(correct.tau)
        reached.append(rank_correlation(corrected, truth[24:]))
        raw.append(rank_correlation(scores[24:], truth[24:]))
    assert abs(sum(estimated) - sum(reached)) / 4 < 0.15
    assert sum(reached) > sum(raw) - 4 * 0.05


def test_training_losses_tell_of_members_what_luck_hides_of_their_accuracies() -> None:
    space = load_space("hybrid-16")
    by_accuracies, by_losses = 0.0, 0.0
    for seed in range(4):
        generator = random.Random(seed)
        members = [space.sample(generator) for _ in range(124)]
        truth = [0.7 + 0.02 * sum(stage.mixer == "attention" for stage in member.stages) for member in members]
        seen = [SeedResult(each + generator.gauss(0, 0.03), 1.0 - each) for each in truth[:24]]
        by_loss = correction(space, members[:24], [0.0] * 24, seen)
        by_accuracy = correction(space, members[:24], [0.0] * 24, [each._replace(loss=None) for each in seen])
        by_losses += rank_correlation([by_loss(member, 0.0) for member in members[24:]], truth[24:])
        by_accuracies += rank_correlation([by_accuracy(member, 0.0) for member in members[24:]], truth[24:])
    assert by_losses > by_accuracies


def test_what_a_supernet_cannot_serve_is_refused() -> None:
    small = SearchSpace("small", "", (StageChoices(("pool", "conv"), (1,), (16, 24)),))
    with pytest.raises(ParameterError, match="at least 8 members"):
        prepare_supernet(EvaluationOptions(), small)
    with pytest.raises(ParameterError, match="--inherit needs --evaluator supernet"):
        prepare(EvaluationOptions(inherit=True), load_space("hybrid-16"))


def test_jobs_that_lose_their_worker_go_on_from_their_last_rung_and_end() -> None:
    member = load_space("hybrid-16").sample(random.Random(0))
    kept: list[Outcome] = []
    jobs = Jobs([Job(member, 1)], lambda _, outcome: kept.append(outcome))
    job = jobs.ask()
    rung = Outcome(checkpoint=b"1")
    assert jobs.should_continue(job, rung)
    jobs.interrupt(job, WORKER_LOST, "signal 9")
    assert not jobs.is_over
    job = jobs.ask()
    assert job.resume_from is rung
    assert jobs.ask() is None
    for _ in range(MAX_ATTEMPTS - 2):
        jobs.interrupt(job, WORKER_LOST, "signal 9")
        job = jobs.ask()
    jobs.interrupt(job, WORKER_LOST, "signal 9")
    assert jobs.is_over
    first, last = kept
    assert first is rung
    assert last.failure.cause == WORKER_LOST
    assert last.failure.message.endswith("signal 9")


def test_a_supernet_is_no_pickle(tmp_path: Path) -> None:
    supernet = Supernet(load_space("hybrid-16"), INPUT)

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (tmp_path.joinpath("pwned").write_text, ("",))

    file = io.BytesIO()
    torch.save({"weights.stem/conv/weight": Evil()}, file)
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        load(supernet, file.getvalue())
    assert not (tmp_path / "pwned").exists()
