"""What an Optuna study tells of a space's members: losses, curves, and which are taken."""

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
# Among a trial's attributes: what it was proposed, until its parameters are there.
PROPOSED = "nas:proposed"


@dataclass(frozen=True)
class Observation:
    """`losses` are to be minimised, the dear one first, NaN where unknown; `curve` foretells the dear one's end."""

    row: Row
    losses: Floats
    curve: tuple[float, ...]

    @cached_property
    def is_complete(self) -> bool:
        return bool(np.isfinite(self.losses).all())


class History:
    """Of a study, in the order of its trials' numbers; a finished trial is read once.

    `order` numbers the study's objectives, the dear one first.
    """

    def __init__(self, encoding: Encoding, study: Study, order: Sequence[int]) -> None:
        self._encoding = encoding
        self._order = list(order)
        signs = [-1.0 if way is StudyDirection.MAXIMIZE else 1.0 for way in study.directions]
        self.signs = np.array(signs)[self._order]
        # In order of the trials' numbers, which are beside them.
        self.observations: list[Observation] = []
        self._numbers: list[int] = []
        self._taken: set[Row] = set()
        self.trials_read = 0
        # By number, those that had not ended when they were read.
        self._open: dict[int, Row | None] = {}
        # By number, what was proposed to trials whose parameters are not seen yet.
        self._proposed: dict[int, Row] = {}
        self.complete = 0
        # Of each loss, whether all that are known are above 0.
        self.is_positive = np.ones(len(signs), dtype=bool)

    def propose(self, number: int, row: Row) -> None:
        """To a trial that may not take it up at once, or at all."""
        self._proposed[number] = row

    def running(self, but: int) -> list[Row]:
        """The members that others than the trial of number `but` are at, or are about to be."""
        members = {**self._proposed, **{number: row for number, row in self._open.items() if row is not None}}
        return [row for number, row in sorted(members.items()) if number != but]

    @property
    def members_tried(self) -> int:
        """How many there were, each counted once however often it was cut off and tried again."""
        return len(self._taken)

    def has(self, row: Row) -> bool:
        """Whether a trial has or had this member, or was proposed it, whatever became of it."""
        return row in self._taken or row in self._proposed.values()

    def is_free(self, row: Row, number: int) -> bool:
        """Whether no trial but that of this number, which was proposed it, has or had this member."""
        return row not in self._taken and row not in (each for at, each in self._proposed.items() if at != number)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what is new of a study's trials in order of number, from 0 on.

        Trials that are no members, such as the one that is asked for, tell nothing.
        """
        for trial in [*(trials[number] for number in self._open), *trials[self.trials_read :]]:
            row = self._open.pop(trial.number, None)
            if row is None and (row := self._member(trial.params)) is not None:
                self._taken.add(row)
            elif row is None and (proposed := self._member(trial.system_attrs.get(PROPOSED, {}))) is not None:
                self._proposed[trial.number] = proposed
            if row is not None or trial.state.is_finished():
                self._proposed.pop(trial.number, None)
            if not trial.state.is_finished():
                self._open[trial.number] = row
            elif row is not None and (found := self._observation(trial, row)) is not None:
                place = bisect(self._numbers, trial.number)
                self._numbers.insert(place, trial.number)
                self.observations.insert(place, found)
                self.complete += found.is_complete
                self.is_positive &= ~(found.losses <= 0)
        self.trials_read = len(trials)

    def _member(self, parameters: Mapping[str, Any]) -> Row | None:
        """None where a choice is lacking, or is none of the space."""
        try:
            return self._encoding.row(parameters)
        except KeyError:
            return None

    def _observation(self, trial: FrozenTrial, row: Row) -> Observation | None:
        curve = tuple(trial.user_attrs.get(CURVE, ()))
        if trial.state is TrialState.COMPLETE:
            return Observation(row, self.signs * np.array(trial.values)[self._order], curve)
        if trial.state is TrialState.PRUNED:
            found = trial.user_attrs.get(OBSERVED, [None] * len(self.signs))
            return Observation(row, self.signs * np.array(found, dtype=np.float64)[self._order], curve)
        return None
