"""Shows Prometheus how a cluster is: its scheduler, its workers, and what came of the photos that went there."""

from collections import Counter
from collections.abc import Callable, Mapping

from daemon.cluster.tallies import ClusterTotals
from daemon.cluster.worker_state import ClusterState, FarWorker
from daemon.observe import series
from daemon.observe.labels import WORKER_STATES, guarded
from daemon.observe.metrics import Metrics

KEPT_SECONDS = 600.0
"""How long the counter of a worker that is gone is shown: several scrapes, so that its last photos are seen."""
MOST_NAMES = 300
"""Workers with series of their own at a time; photos in work are fewer. Further ones are shown together, as "other"."""


class ClusterFigures:
    """Feeds the series of one cluster, of which there are none before the first call.

    Counters only grow: they follow totals that outlive workers. A worker that joins again under its name goes on with
    its counter. clock: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, scheduler: str, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._scheduler = scheduler
        self._clock = clock
        self._before = ClusterTotals()
        self._there_at: dict[str, float] = {}
        self._shown: set[str] = set()
        self._set_aside: set[tuple[str, str]] = set()

    def show(self, state: ClusterState, totals: ClusterTotals) -> None:
        """Show how the cluster is now, and what came of photos since the start."""
        metrics = self._metrics
        metrics.set(series.CLUSTER_SCHEDULER_UP, state.connected, scheduler=self._scheduler)
        states = Counter(worker.set_aside or "fit" for worker in state.workers)
        for name in WORKER_STATES:
            metrics.set(series.CLUSTER_WORKERS, states[name], state=name)
        self._forget_long_gone()
        by_label: dict[str, list[FarWorker]] = {}
        for worker in state.workers:
            by_label.setdefault(self._label(worker.name), []).append(worker)
        self._forget_gone(by_label)
        for label, workers in by_label.items():
            self._show_worker(label, workers)
        self._show_set_aside(by_label)
        self._count(totals)

    def _label(self, name: str) -> str:
        """The worker's own label as long as there is room for one more; it is kept from now on."""
        label = guarded("worker", name)
        if label not in self._there_at and len(self._there_at) >= MOST_NAMES:
            label = "other"
        self._there_at[label] = self._clock()
        return label

    def _show_worker(self, label: str, workers: list[FarWorker]) -> None:
        """workers: one, or those that share a label."""
        metrics = self._metrics
        metrics.count(series.CLUSTER_WORKER_PHOTOS, 0, worker=label)
        metrics.set(series.CLUSTER_WORKER_IN_PROGRESS, sum(each.running for each in workers), worker=label)
        metrics.set(series.CLUSTER_WORKER_THREADS, sum(each.threads for each in workers), worker=label)
        metrics.set(series.CLUSTER_WORKER_CORES, sum(each.cores for each in workers), worker=label)
        metrics.set(series.CLUSTER_WORKER_MEMORY, sum(each.memory_bytes for each in workers), worker=label)

    def _show_set_aside(self, by_label: Mapping[str, list[FarWorker]]) -> None:
        now = {(label, each.set_aside) for label, workers in by_label.items() for each in workers if each.set_aside}
        for label, why in self._set_aside - now:
            self._metrics.forget(series.CLUSTER_WORKER_SET_ASIDE, worker=label, reason=why)
        for label, why in now:
            self._metrics.set(series.CLUSTER_WORKER_SET_ASIDE, 1, worker=label, reason=why)
        self._set_aside = now

    def _forget_gone(self, there: Mapping[str, list[FarWorker]]) -> None:
        for label in self._shown - there.keys():
            self._metrics.forget(series.CLUSTER_WORKER_IN_PROGRESS, worker=label)
            self._metrics.forget(series.CLUSTER_WORKER_THREADS, worker=label)
            self._metrics.forget(series.CLUSTER_WORKER_CORES, worker=label)
            self._metrics.forget(series.CLUSTER_WORKER_MEMORY, worker=label)
        self._shown = set(there)

    def _forget_long_gone(self) -> None:
        now = self._clock()
        for label in [label for label, at in self._there_at.items() if now - at > KEPT_SECONDS]:
            del self._there_at[label]
            self._metrics.forget(series.CLUSTER_WORKER_PHOTOS, worker=label)

    def _count(self, totals: ClusterTotals) -> None:
        metrics, before = self._metrics, self._before
        metrics.count(series.CLUSTER_PHOTOS, totals.done - before.done)
        for reason, more in _more(totals.lost, before.lost):
            metrics.count(series.CLUSTER_PHOTOS_LOST, more, reason=reason)
        for reason, more in _more(totals.workers_lost, before.workers_lost):
            metrics.count(series.CLUSTER_WORKERS_LOST, more, reason=reason)
        for reason, more in _more(totals.given_back, before.given_back):
            metrics.count(series.CLUSTER_PHOTOS_GIVEN_BACK, more, reason=reason)
        done = {name: tally.done for name, tally in totals.by_worker.items()}
        for name, more in _more(done, {name: tally.done for name, tally in before.by_worker.items()}):
            label = guarded("worker", name)
            metrics.count(series.CLUSTER_WORKER_PHOTOS, more, worker=label if label in self._there_at else "other")
        self._before = totals


def _more(now: Mapping[str, int], before: Mapping[str, int]) -> list[tuple[str, int]]:
    """By how much each number grew."""
    return [(name, number - before.get(name, 0)) for name, number in now.items() if number > before.get(name, 0)]
