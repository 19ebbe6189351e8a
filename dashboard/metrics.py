"""Prometheus metrics of a database's studies, read at each scrape."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nas.store.store import Store
from nas.study.status import status
from nas.trial import TrialState


class StudiesCollector(Collector):
    """Gauges by study, but for archived ones: trials by state, trials per hour, failures by cause, running searches and
    workers by node.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        trials = GaugeMetricFamily("nas_trials", "Trials of a study", labels=["study", "state"])
        pace = GaugeMetricFamily("nas_trials_per_hour", "Trials that ended in the last hour", labels=["study"])
        failures = GaugeMetricFamily("nas_failures", "Failed or interrupted trials", labels=["study", "cause"])
        running = GaugeMetricFamily("nas_search_running", "1 while a search drives the study", labels=["study"])
        workers = GaugeMetricFamily("nas_workers", "Trials that a node can run at once", labels=["study", "node"])
        for record in self._store.studies():
            if record.archived_at is not None:
                continue
            current = status(self._store, record, self._clock())
            for state in TrialState:
                trials.add_metric([record.name, state.value], record.counts.get(state, 0))
            pace.add_metric([record.name], current.trials_per_hour)
            running.add_metric([record.name], float(current.driver is not None))
            for cause, count in current.failures.items():
                failures.add_metric([record.name, cause], count)
            for node, count in current.workers.items():
                workers.add_metric([record.name, node], count)
        yield from (trials, pace, failures, running, workers)
