"""An Optuna study as observations of a space's members: losses, learning curves, and the members in use."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.setting import CURVE, OBSERVED

Floats = NDArray[np.float64]
# The attribute of a trial that holds its proposed parameters, until the trial has them.
PROPOSED = "nas:proposed"


@dataclass(frozen=True)
class Observation:
    """A member's losses, the expensive one first, NaN where unknown, and its training loss after each epoch."""

    row: Row
    losses: Floats
    curve: tuple[float, ...]

    @cached_property
    def is_complete(self) -> bool:
        return bool(np.isfinite(self.losses).all())


class History:
    """A study's observations in the order of its trials' numbers; a finished trial is read once.

    `order` lists the indices of the study's objectives, the expensive one first.
    """

    def __init__(self, encoding: Encoding, study: Study, order: Sequence[int]) -> None:
        self._encoding = encoding
        self._order = list(order)
        signs = [-1.0 if direction is StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]
        self.signs = np.array(signs)[self._order]
        # In the order of their trials' numbers, which the second list holds.
        self.observations: list[Observation] = []
        self._numbers: list[int] = []
        self._tried: set[Row] = set()
        self.trials_read = 0
        # Trials that had not ended when they were read, by number.
        self._unfinished: dict[int, Row | None] = {}
        # Proposals to trials whose parameters have not been read yet, by number.
        self._proposed: dict[int, Row] = {}
        self.complete_count = 0
        # For each loss, whether all known values are above 0.
        self.is_positive = np.ones(len(signs), dtype=bool)

    def propose(self, number: int, row: Row) -> None:
        """Record the row proposed to a trial; it counts as pending, though the trial may take another one."""
        self._proposed[number] = row

    def pending(self, exclude: int) -> list[Row]:
        """Return the members that run or are proposed, except those of the trial of number `exclude`."""
        members = {**self._proposed, **{number: row for number, row in self._unfinished.items() if row is not None}}
        return [row for number, row in sorted(members.items()) if number != exclude]

    @property
    def member_count(self) -> int:
        """The number of distinct members tried. A member that was interrupted and tried again counts once."""
        return len(self._tried)

    def contains(self, row: Row) -> bool:
        """Whether any trial, in whatever state, has this member or was proposed it."""
        return row in self._tried or row in self._proposed.values()

    def is_unique(self, row: Row, number: int) -> bool:
        """Whether no trial except number `number`, to which it is proposed, has this member or was proposed it."""
        others = (proposed for other, proposed in self._proposed.items() if other != number)
        return row not in self._tried and row not in others

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Read what is new in a study's trials, given in order of number from 0 on.

        Trials that are not members, such as the one that awaits its proposal, give no observation.
        """
        for trial in [*(trials[number] for number in self._unfinished), *trials[self.trials_read :]]:
            row = self._unfinished.pop(trial.number, None)
            if row is None and (row := self._member(trial.params)) is not None:
                self._tried.add(row)
            elif row is None and (proposed := self._member(trial.system_attrs.get(PROPOSED, {}))) is not None:
                self._proposed[trial.number] = proposed
            if row is not None or trial.state.is_finished():
                self._proposed.pop(trial.number, None)
            if not trial.state.is_finished():
                self._unfinished[trial.number] = row
            elif row is not None and (observation := self._observation(trial, row)) is not None:
                index = bisect(self._numbers, trial.number)
                self._numbers.insert(index, trial.number)
                self.observations.insert(index, observation)
                self.complete_count += observation.is_complete
                self.is_positive &= ~(observation.losses <= 0)
        self.trials_read = len(trials)

    def _member(self, parameters: Mapping[str, Any]) -> Row | None:
        """Encode parameters as a row; None where one is missing, or its value is not among the space's choices."""
        try:
            return self._encoding.row(parameters)
        except KeyError:
            return None

    def _observation(self, trial: FrozenTrial, row: Row) -> Observation | None:
        curve = tuple(trial.user_attrs.get(CURVE, ()))
        if trial.state is TrialState.COMPLETE:
            return Observation(row, self.signs * np.array(trial.values)[self._order], curve)
        if trial.state is TrialState.PRUNED:
            values = trial.user_attrs.get(OBSERVED, [None] * len(self.signs))
            return Observation(row, self.signs * np.array(values, dtype=np.float64)[self._order], curve)
        return None
