"""Baselines: their choice, their records and their missing trainings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nas import plugins
from nas.architecture import ModelInput, total_cost
from nas.builder import Builder
from nas.errors import ParameterError, UnknownNameError
from nas.evaluation import Job
from nas.exports.known import known_network
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study.baseline import Baseline, artifact_name, artifact_of, as_json, compared, stored_baselines
from nas.study.baseline_choice import LARGE, MAX_SHARE, SMALL, choose, few, named
from nas.study.baseline_training import baseline_jobs
from nas.study.jobs import BaselinesFirst, Jobs
from nas.trial import WORKER_LOST, Failure, Outcome
from tests.builders import complete, measurement
from tests.studies import INPUT, settings

# Whose target is that of the measurements of tests.builders.
MEASURED_AS = settings(fingerprint={"target": "cpu", "threads": 1})
BUILDER: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)


def test_names() -> None:
    assert named(["few,resnet20", "few", "timm:resnet10t, mine:net"]) == (
        "few",
        "resnet20",
        "timm:resnet10t",
        "mine:net",
    )
    assert named(["none"]) == ()
    with pytest.raises(ParameterError, match="none goes with no other name"):
        named(["none", "resnet8"])
    with pytest.raises(UnknownNameError, match=r"unknown baseline 'resnet9'; valid: .*plain-cnn-l"):
        named(["resnet8,resnet9"])


def test_few_suit_the_pictures() -> None:
    assert few(ModelInput(3, 64, 64, 10)) == SMALL
    assert few(ModelInput(3, 96, 96, 10)) == LARGE
    assert set(SMALL) <= set(plugins.names(plugins.BASELINES))


def test_few_are_cheap_beside_the_search() -> None:
    space, asked = load_space("hybrid-16"), settings()
    members = total_cost(BUILDER, next(iter(space)), ModelInput.from_dict(INPUT)).macs
    whole = choose(["few"], BUILDER, space, asked, trials=4000, price=3)
    assert whole.names == SMALL
    assert whole.notes() == []
    small = choose(["few"], BUILDER, space, asked, trials=2, price=3)
    assert small.names == SMALL[:1]
    (note,) = small.notes()
    assert note["names"] == ", ".join(SMALL[1:])
    assert f"{MAX_SHARE:.0%}" in note["because"]
    assert members > 0
    extra = choose(["resnet20", "few"], BUILDER, space, asked, trials=2, price=3)
    assert extra.names == ("resnet20", *SMALL[:1])


def test_a_named_network_that_cannot_be_built_is_refused_and_one_of_few_left_out() -> None:
    tiny = {**INPUT, "height_px": 1, "width_px": 1}
    asked = settings(input=tiny, latency_input=tiny)
    with pytest.raises(ParameterError, match="--baselines speedrun-s: network 'speedrun-s' cannot be made"):
        choose(["speedrun-s"], BUILDER, load_space("hybrid-16"), asked, trials=2, price=1)


def trained(name: str = "resnet8", **outcomes: Outcome) -> Baseline:
    return Baseline(known_network(name), "digest", {int(seed[1:]): outcome for seed, outcome in outcomes.items()})


def test_recorded_baselines_are_read_back(storage_url: str) -> None:
    asked = settings()
    outcome = replace(complete(0.8, 2.0), latencies={"phone": measurement(4.0)}, costs={"macs": 5.0})
    baseline = trained(s1=outcome, s2=Outcome(failure=Failure("out of memory", "details")))
    with Store.open(storage_url, create=True) as store:
        store.put_artifact(artifact_of(baseline, asked, 1.0))
        store.put_artifact(artifact_of(trained("plain-cnn-m", s1=complete(0.7, 1.0)), asked, 2.0))
        assert stored_baselines(store, asked) == [trained("plain-cnn-m", s1=complete(0.7, 1.0)), baseline]
        # Another limit, space or objective is no other training; another epoch or target is.
        assert (
            len(
                stored_baselines(
                    store,
                    settings(max_latency_ms=1.0, min_accuracy=0.9, space="other", objectives=["accuracy", "macs"]),
                )
            )
            == 2
        )
        assert stored_baselines(store, settings(epochs=3)) == []
        assert stored_baselines(store, settings(fingerprint={"target": "phone"})) == []


def test_artifact_names_are_short_and_of_a_network_each() -> None:
    asked = settings()
    names = {artifact_name(known_network(name), asked) for name in ("resnet8", "resnet20", f"timm:{'x' * 200}")}
    assert len(names) == 3
    assert max(map(len, names)) <= 128


def test_figures_are_means_over_seeds_and_a_shared_measurement_counts_once() -> None:
    first, again = complete(0.8, 2.0), complete(0.6, 2.0)
    baseline = trained(s1=first, s2=again)
    assert baseline.accuracy == pytest.approx(0.7)
    assert baseline.latency == first.latency
    assert baseline.point(settings()) == (2.0, pytest.approx(-0.7))
    assert baseline.point(settings(objectives=["accuracy", "energy"])) is None
    failed = trained("plain-cnn-m", s1=Outcome(failure=Failure("loss", "NaN")))
    assert (failed.accuracy, failed.failure) == (None, Failure("loss", "NaN"))
    assert as_json(failed, None)["failure"] == {"cause": "loss", "message": "NaN"}
    comparisons, lines = compared([baseline, failed], [(1.0, -0.9)], settings())
    assert [comparison.name for comparison in comparisons] == ["resnet8"]
    assert lines == ["the front is 20.0% more accurate than resnet8 at its latency"]


class Said:
    def __init__(self) -> None:
        self.events: list[str] = []

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        self.events.append(f"{event}: {fields['name']}")


def jobs(store: Store, said: Said, images: str = "digest", repeats: int = 1) -> Jobs:
    return baseline_jobs(["resnet8", "plain-cnn-m"], MEASURED_AS, images, repeats, (1,), store, said, clock=lambda: 5.0)


def done(search: Jobs, outcome: Outcome) -> list[Job]:
    asked = []
    while (job := search.ask()) is not None:
        asked.append(job)
        search.tell(job, outcome)
    assert search.is_over
    return asked


def test_each_baseline_is_trained_with_each_seed_once(storage_url: str) -> None:
    said = Said()
    with Store.open(storage_url, create=True) as store:
        first = jobs(store, said)
        one = first.ask()
        assert one is not None
        assert (one.is_baseline, one.known, one.rungs) == (True, {}, (1,))
        # A rung is no end: the process may die now, and nothing is recorded.
        assert first.should_continue(one, replace(complete(0.5, 2.0), accuracy=None, checkpoint=b"state"))
        first.interrupt(one, WORKER_LOST, "killed")
        again = first.ask()
        assert again is not None
        assert again.resume_from is not None
        first.tell(again, complete(0.5, 2.0))
        # Here the search is killed.
        rest = done(jobs(store, said), complete(0.75, 2.0))
        assert [(job.architecture, job.seed == one.seed) for job in rest] == [
            *(
                (known_network("plain-cnn-m"), False),
                (known_network("resnet8"), False),
                (known_network("plain-cnn-m"), False),
            ),
        ]
        # The latency was measured before.
        assert set(rest[1].known) == {"cpu"}
        assert jobs(store, said).is_over
        assert said.events == ["baseline trained: resnet8", "baseline trained: plain-cnn-m"]
        (cnn, resnet) = sorted(stored_baselines(store, MEASURED_AS), key=lambda baseline: baseline.name)
        assert (cnn.accuracies, resnet.accuracies) == ((0.75, 0.75), (0.5, 0.75))
        # One seed more is trained; other images are other trainings.
        assert len(done(jobs(store, said, repeats=2), complete(0.75, 2.0))) == 2
        assert len(done(jobs(store, said, images="others"), complete(0.75, 2.0))) == 4


def test_a_failure_is_said_once_and_kept(storage_url: str) -> None:
    said = Said()
    with Store.open(storage_url, create=True) as store:
        done(jobs(store, said), Outcome(failure=Failure("out of memory", "details")))
        assert said.events == ["baseline failed: resnet8", "baseline failed: plain-cnn-m"]
        assert jobs(store, said).is_over


def test_most_baselines_wait_until_trials_took_their_share_of_the_time() -> None:
    architecture = known_network("resnet8")
    search = BaselinesFirst(
        Jobs([Job(architecture, 1, number, is_baseline=True) for number in range(4)], lambda *_: None, urgent=4),
        Jobs([Job(architecture, 1, number) for number in range(4)], lambda *_: None),
    )
    order = []
    while (job := search.ask()) is not None:
        order.append("baseline" if job.is_baseline else "trial")
        search.tell(job, replace(complete(0.5, 1.0), train_s=1.0 if job.is_baseline else 8.0))
    # The two first ones, then what takes at most a fifth of the trials' 16 s.
    assert order == ["baseline", "baseline", "trial", "trial", "baseline", "baseline", "trial", "trial"]


def test_baselines_first_seeds_come_before_trials_and_the_others_after() -> None:
    ended: list[str] = []
    architecture = known_network("resnet8")
    search = BaselinesFirst(
        Jobs(
            [Job(architecture, seed, seed, is_baseline=True) for seed in (1, 2)],
            lambda job, outcome: ended.append(f"baseline {job.seed}"),
            urgent=1,
        ),
        Jobs([Job(architecture, 1)], lambda job, outcome: ended.append("trial")),
    )
    first, second, third = search.ask(), search.ask(), search.ask()
    assert first is not None
    assert second is not None
    assert third is not None
    assert [first.is_baseline, second.is_baseline, third.is_baseline] == [True, False, True]
    assert search.ask() is None
    search.tell(second, complete(0.5, 1.0))
    search.tell(third, complete(0.5, 1.0))
    search.interrupt(first, WORKER_LOST, "killed")
    assert not search.is_over
    first = search.ask()
    assert first is not None
    search.tell(first, complete(0.5, 1.0))
    assert ended == ["trial", "baseline 2", "baseline 1"]
    assert search.is_over
