"""The end of a search: its front, what it promises, and the known networks beside it."""

from dataclasses import dataclass, field

from nas.objective import ACCURACY, Objective
from nas.options import PLAIN_ACCURACY
from nas.results.comparison import Comparison
from nas.results.front import Result, dropped_from_front, front
from nas.results.rank_correlation import FeatureRank, RankCheck, feature_ranks
from nas.results.region import front_hypervolume
from nas.results.trade_off import trade_off
from nas.study.baseline import Baseline, compared, trained_alike
from nas.study.search_options import SearchOptions
from nas.study.study import Study
from nas.trial import STOPPED_BY_USER, Failure, failed_confirmations


@dataclass(frozen=True)
class SearchResult:
    """The end of a search. `done` counts the trials on record; `features` has an entry for each feature asked for.

    `expected_gain` is that of the `remaining` trials (nas.results.convergence). `ending` says why there are no more.
    `comparisons` has the `baselines` beside the front, and `conclusion` puts them in words.
    """

    study: str
    objectives: tuple[Objective, ...]
    done: int
    front: list[Result]
    dropped_from_front: list[Result]
    hypervolume: float
    rank_checks: list[RankCheck]
    features: list[FeatureRank]
    failed_confirmations: list[Failure]
    expected_gain: float | None
    remaining: int
    ending: str | None
    is_flat: bool
    wall_s: float
    interrupted: bool
    measure: str = ACCURACY.name
    """The label of the measure of accuracy, for people."""
    metric: str = PLAIN_ACCURACY
    """The measure's name, a value of --metric."""
    complete: int = 0
    """The number of complete trials."""
    below_min_accuracy: int = 0
    """The number of these that are less accurate than `min_accuracy`."""
    min_accuracy: float | None = None
    baselines: list[Baseline] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    conclusion: list[str] = field(default_factory=list)


def result_of(
    options: SearchOptions,
    study: Study,
    rank_checks: list[RankCheck],
    baselines: list[Baseline],
    wall_s: float,
    *,
    interrupted: bool,
) -> SearchResult:
    """The result of a study as it is on record."""
    results = study.results
    members = front(results)
    baselines = [*trained_alike(baselines, members, study.settings)]
    comparisons, conclusion = compared(baselines, [member.losses for member in members], study.settings)
    return SearchResult(
        study=study.name,
        objectives=study.settings.objectives,
        done=study.done,
        front=members,
        dropped_from_front=dropped_from_front(results),
        hypervolume=front_hypervolume(results, study.settings),
        rank_checks=rank_checks,
        features=feature_ranks(study.trials) if options.features else [],
        failed_confirmations=failed_confirmations(study.trials),
        expected_gain=study.expected_gain,
        remaining=study.remaining,
        ending=STOPPED_BY_USER if interrupted else study.ending,
        is_flat=study.is_flat,
        wall_s=wall_s,
        interrupted=interrupted,
        measure=study.settings.metric_label,
        metric=study.settings.metric,
        complete=len(results),
        below_min_accuracy=sum(result.is_below_min_accuracy for result in results),
        min_accuracy=study.settings.limits.min_accuracy,
        baselines=baselines,
        comparisons=comparisons,
        conclusion=[*trade_off(members), *conclusion],
    )
