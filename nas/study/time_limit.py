"""The time of a search, `--time`: trials first, then confirmations, all of it over when the time is.

Nothing is started that is not expected to end in time, and at the end what still runs is cut off as by Ctrl-C.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nas.evaluation import AskTell, Job
from nas.trial import Outcome

# The share of the time that is for trials where the front is confirmed after them, and where they climb a ladder.
TRIALS_SHARE, LADDER_TRIALS_SHARE = 0.7, 0.45
# What runs is cut off this long before the end, or this share of the time: stopping the workers takes some seconds.
STOP_S, MAX_STOP_SHARE = 5.0, 0.05
# A training is started when this many times its expected seconds are left.
MARGIN = 1.2


def trials_share(repeats: int, *, has_ladder: bool) -> float:
    """The share of the time that is for trials, where something follows them."""
    if has_ladder:
        return LADDER_TRIALS_SHARE
    return TRIALS_SHARE if repeats else 1.0


class TimeLimit:
    """The time of one run of a search, in seconds, since `started` by the clock.

    `trials_share` is the share that is for trials.
    """

    def __init__(
        self,
        seconds: float,
        trials_share: float = 1.0,
        started: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.is_up = False
        self._clock = clock
        self._started = clock() if started is None else started
        self._work_s = seconds - min(STOP_S, MAX_STOP_SHARE * seconds)
        self._trials_s = trials_share * self._work_s
        self._first_trial_at: float | None = None
        self._trained: list[float] = []

    @property
    def elapsed_s(self) -> float:
        """The seconds since the start."""
        return self._clock() - self._started

    @property
    def left_s(self) -> float:
        """The seconds that are left."""
        return max(0.0, self.seconds - self.elapsed_s)

    @property
    def is_over_for_trials(self) -> bool:
        """Whether the trials' share of the time is over."""
        return self.elapsed_s >= self._trials_s

    @property
    def has_room_for_trials(self) -> bool:
        """Whether a further trial may begin."""
        return self.has_room and not self.is_over_for_trials

    @property
    def has_room(self) -> bool:
        """Whether a training that is not stopped early is expected to end in time."""
        return self.has_room_for(MARGIN * self._job_s)

    def has_room_for(self, seconds: float) -> bool:
        """Whether work of so many seconds would end in time."""
        return self.elapsed_s + seconds < self._work_s

    def extend_trials(self) -> None:
        """Give half of the time that is left to further trials."""
        self._trials_s = self.elapsed_s + (self._work_s - self.elapsed_s) / 2

    def trials_left(self, done: int) -> int:
        """The number of trials that the rest of their time has room for, by the `done` ones of this run."""
        if self._first_trial_at is None or not done or self.is_over_for_trials:
            return 0
        return round(done * (self._trials_s - self.elapsed_s) / max(1e-9, self.elapsed_s - self._first_trial_at))

    def began(self) -> None:
        """Note that a job has begun."""
        if self._first_trial_at is None:
            self._first_trial_at = self.elapsed_s

    def ended(self, outcome: Outcome) -> None:
        """Note the end of a job."""
        if outcome.accuracy is not None:
            self._trained.append(outcome.train_s + outcome.measure_s)

    @contextmanager
    def watched(self, on_end: Callable[[], None]) -> Iterator[None]:
        """Call `on_end` in another thread at the end, unless the block is left before; `is_up` is true from then on."""

        def end() -> None:
            self.is_up = True
            on_end()

        timer = threading.Timer(max(0.0, self._work_s - self.elapsed_s), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @property
    def _job_s(self) -> float:
        """The mean seconds of trainings that ran to the end; 0 before the first one."""
        return sum(self._trained) / len(self._trained) if self._trained else 0.0


class TimedSearch:
    """A search that starts no job which is not expected to end in time."""

    def __init__(self, search: AskTell, limit: TimeLimit) -> None:
        self._search = search
        self._limit = limit
        self._running = 0

    @property
    def is_over(self) -> bool:
        return self._running == 0 and (not self._limit.has_room or self._search.is_over)

    def ask(self) -> Job | None:
        job = self._search.ask() if self._limit.has_room else None
        if job is not None:
            self._running += 1
            self._limit.began()
        return job

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        return self._search.should_continue(job, outcome)

    def tell(self, job: Job, outcome: Outcome) -> None:
        self._running -= 1
        if job.fidelity is None:
            # Others know their own price.
            self._limit.ended(outcome)
        self._search.tell(job, outcome)

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        self._running -= 1
        self._search.interrupt(job, cause, message)
