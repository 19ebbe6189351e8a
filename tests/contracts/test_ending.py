"""The reasons why a study has no further trials, on every database."""

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.latency.online_model import OnlineLatencyModel
from nas.space import SearchSpace, StageChoices
from nas.store.store import Store
from nas.trial import Outcome
from tests.builders import failed, infeasible, small_space, synthetic
from tests.studies import INPUT, open_study, run


def test_a_study_says_why_it_ends(storage_url: str) -> None:
    tiny = SearchSpace("tiny", "for tests", (StageChoices(("pool", "conv"), (1,), (32,)),))
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, name="budget", budget=2)
        assert study.ending is None
        run(study)
        assert study.ending == "the budget is on record"
        study = open_study(store, storage_url, name="space", budget=10, space=tiny)
        run(study)
        assert (study.done, study.remaining) == (2, 0)
        assert study.ending == "the space is used up: it has 2 members"
        study = open_study(store, storage_url, name="hopeless", budget=30)
        run(study, lambda architecture: failed())
        assert study.ending == "none of 20 trials has a result"


def test_a_study_ends_where_the_latency_model_leaves_no_candidate(storage_url: str) -> None:
    """Latencies of small_space are 4 to 10 ms and sums over its stages, which the model learns from 16 of them."""
    limit_ms = 6.5
    model = OnlineLatencyModel(plugins.load(plugins.BUILDERS, plugins.BUILDER), ModelInput.from_dict(INPUT))

    def limited(architecture: Architecture) -> Outcome:
        outcome = synthetic(architecture)
        latency_ms = outcome.latency.median
        return infeasible(latency_ms) if latency_ms > limit_ms else outcome

    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=36, max_latency_ms=limit_ms, online_model=model)
        run(study, limited)
        assert study.is_over
        assert study.ending == "no candidate is left within the limits"
        tried = {trial.architecture.key for trial in study.trials}
        left = [member for member in small_space() if member.key not in tried]
        assert left
        assert all(synthetic(member).latency.median > limit_ms for member in left)
