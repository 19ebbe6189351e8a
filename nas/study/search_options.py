"""The user's options for a search."""

import re
from dataclasses import dataclass, field

from nas import plugins
from nas.baselines.choice import FEW, named
from nas.errors import ParameterError
from nas.evaluation import EvaluationOptions, Resources
from nas.space.loading import check_space

_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class SearchOptions:
    """What the user asked of a search. `study` None names it by its settings.

    `confirm` is how many seeds more the front's members are trained with after the budget; the search ends earlier when
    the trials that are left promise to add less than the share `flat_below` of the hypervolume. `start_from` names
    studies, configs and published models (nas.study.warm_start). `baselines` are known networks that are trained
    beside, by their names, `few` for some that suit the pictures; none where it is empty (nas.baselines.choice).
    """

    storage: str
    space: str = "hybrid"
    budget: int = 200
    confirm: int = 2
    early_stopping: bool = True
    flat_below: float | None = None
    start_from: tuple[str, ...] = ()
    baselines: tuple[str, ...] = (FEW,)
    study: str | None = None
    sampler: str = "ehvi"
    evaluator: str = plugins.EVALUATOR
    runner: str = "ray"
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    resources: Resources = field(default_factory=Resources)

    def check(self) -> None:
        """Raises ParameterError or UnknownNameError for what can be seen to be wrong without loading anything."""
        if self.budget < 1:
            raise ParameterError(f"--budget {self.budget} is below 1")
        if self.confirm < 0:
            raise ParameterError(f"--confirm {self.confirm} is below 0")
        if self.resources.workers is not None and self.resources.workers < 1:
            raise ParameterError(f"--workers {self.resources.workers} is below 1")
        if self.study is not None and (self.study in (".", "..") or not _NAME.fullmatch(self.study)):
            # It is a part of addresses, and beside it configs are named by their paths.
            raise ParameterError(
                f"--study {self.study!r} may have no slash, no control character, and be no dots alone"
            )
        check_space(self.space)
        named(self.baselines)
        for group, name in (
            (plugins.DATASETS, self.evaluation.dataset.partition(":")[0]),
            (plugins.SAMPLERS, self.sampler),
            (plugins.EVALUATORS, self.evaluator),
            (plugins.RUNNERS, self.runner),
        ):
            plugins.check(group, name)
        for target in self.evaluation.targets:
            plugins.check(plugins.TARGETS, target.partition("@")[0].partition(":")[0])
