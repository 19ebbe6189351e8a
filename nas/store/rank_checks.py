"""The table of rank-correlation checks."""

from collections.abc import Sequence

from sqlalchemy import insert, select

from nas.results.rank_correlation import RankCheck
from nas.store import tables
from nas.store.database import Database
from nas.store.retry import retried


class RankChecks(Database):
    """The rank-correlation checks of studies in a database."""

    @retried
    def add_rank_checks(self, study_id: int, done: int, rank_checks: Sequence[RankCheck], taken_at: float) -> None:
        """Record rank correlations that were computed after `done` trials of the study."""
        with self._begin() as connection:
            connection.execute(
                insert(tables.rank_checks),
                [
                    {"study_id": study_id, "done": done, "taken_at": taken_at, **vars(check_ranks)}
                    for check_ranks in rank_checks
                ],
            )

    @retried
    def rank_checks(self, study_id: int) -> list[RankCheck]:
        """Read a study's last rank correlation of each epoch, in the order of epochs."""
        ours = tables.rank_checks
        query = select(ours.c.epoch, ours.c.trials, ours.c.tau).where(ours.c.study_id == study_id)
        with self._begin() as connection:
            rank_checks = connection.execute(query.order_by(ours.c.audit_id)).all()
        last = {row.epoch: RankCheck(row.epoch, row.trials, row.tau) for row in rank_checks}
        return [last[epoch] for epoch in sorted(last)]
