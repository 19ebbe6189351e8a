"""Optuna's tables, behind a cache that reads again what its own process has changed.

Optuna's own cache reads every unfinished trial again before each suggestion: with 256 of them running that takes a
quarter of a second, ten times as long as all else. And it writes each parameter in a transaction of its own; here a
trial's parameters are written together, before anything else of the trial is written or read.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb.models import TrialParamModel
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, IntegrityError

# What other processes may change of unfinished trials (enqueue some, annotate them) is seen this often.
REFRESH_S = 10.0


class DriversStorage(_CachedStorage):
    """For a study that one process drives."""

    def __init__(self, backend: RDBStorage, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(backend)
        self._clock = clock
        self._refreshed: dict[int, float] = {}
        self._highest: dict[int, int] = {}
        self._touched: set[int] = set()
        # By trial, rows of parameters that are still to be written.
        self._unwritten: dict[int, list[dict[str, Any]]] = {}

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        self._touched.add(trial_id)
        if self._highest.get(study_id, -1) < 0:
            self._highest[study_id] = trial_id - 1
        return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._touched.add(trial_id)
        study_id, _ = self._trial_id_to_study_id_and_number[trial_id]
        known = self._studies[study_id].param_distribution.get(param_name)
        if known is None:
            # Optuna looks at other processes' trials, whether they have a parameter of that name and another kind.
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
            return
        check_distribution_compatibility(known, distribution)
        self._unwritten.setdefault(trial_id, []).append(
            {
                "trial_id": trial_id,
                "param_name": param_name,
                "param_value": param_value_internal,
                "distribution_json": distribution_to_json(distribution),
            }
        )

    def get_trial(self, trial_id: int) -> FrozenTrial:
        self._write(trial_id)
        return super().get_trial(trial_id)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        self._touched.add(trial_id)
        self._write(trial_id)
        return super().set_trial_state_values(trial_id, state, values)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._touched.add(trial_id)
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._touched.add(trial_id)
        self._write(trial_id)
        super().set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._touched.add(trial_id)
        super().set_trial_system_attr(trial_id, key, value)

    def _write(self, trial_id: int) -> None:
        rows = self._unwritten.get(trial_id)
        if not rows:
            return
        try:
            with self._backend.engine.begin() as connection:
                connection.execute(insert(TrialParamModel.__table__), rows)
        except IntegrityError:
            # They were written when all but the answer was through, and a call that was cut off is made again.
            pass
        except DBAPIError as error:
            raise StorageInternalError(str(error.orig)) from error
        del self._unwritten[trial_id]

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        for trial_id in list(self._unwritten):
            self._write(trial_id)
        if self._clock() - self._refreshed.get(study_id, -REFRESH_S) >= REFRESH_S:
            super()._read_trials_from_remote_storage(study_id)
            # Its length in time is not the reader's to pay again at once.
            self._refreshed[study_id] = self._clock()
            known = self._studies[study_id].trials.values()
            self._highest[study_id] = max((trial._trial_id for trial in known), default=-1)
            return
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            highest = self._highest.get(study_id, -1)
            changed = study.unfinished_trial_ids & self._touched
            read = self._backend._get_trials(
                study_id, states=None, included_trial_ids=changed, trial_id_greater_than=highest
            )
            self._add_trials_to_cache(study_id, read)
            for trial in read:
                self._touched.discard(trial._trial_id)
                self._highest[study_id] = max(self._highest.get(study_id, -1), trial._trial_id)
                if trial.state.is_finished():
                    study.last_finished_trial_id = max(study.last_finished_trial_id, trial._trial_id)
                    study.unfinished_trial_ids.discard(trial._trial_id)
                else:
                    study.unfinished_trial_ids.add(trial._trial_id)
