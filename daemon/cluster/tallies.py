"""Counts what came of the photos that were sent to other machines, also on workers that are gone by now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_NAMES = 1000
"""Workers that are counted each by itself. In a cluster that names its workers anew at each start they never end."""

LOST: Mapping[str, str] = {
    "gone": "it is gone",
    "silent": "it is not heard of any more",
    "scheduler_away": "the scheduler does not answer",
    "not_run": "it could not run it",
}
"""Why a photo was lost with its worker, each in words about the worker. The photo itself goes on elsewhere."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One worker's photos since the start of the daemon. done: brought to their end. lost: with the worker."""

    done: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class ClusterTotals:
    """Since the start of the daemon. No number here ever falls but that of a worker who was forgotten.

    by_worker: by name; those who did nothing for longest are forgotten. done: photos brought to their end by workers.
    lost: photos, by why, one of `LOST`. workers_lost: workers that were lost with photos, by why. given_back: photos
    that a worker could not do, by why, one of `SET_ASIDE`.
    """

    by_worker: Mapping[str, Tally] = field(default_factory=dict)
    done: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    workers_lost: Mapping[str, int] = field(default_factory=dict)
    given_back: Mapping[str, int] = field(default_factory=dict)


class Tallies:
    """Counts for one pool, which calls it by one thread at a time."""

    def __init__(self) -> None:
        self._by_worker: dict[str, Tally] = {}
        self._done = 0
        self._lost: Counter[str] = Counter()
        self._workers_lost: Counter[str] = Counter()
        self._given_back: Counter[str] = Counter()

    def of(self, worker: str) -> Tally:
        """What is counted of a worker, by its name."""
        return self._by_worker.get(worker, Tally())

    def photo_done(self, worker: str) -> None:
        """A worker brought a photo to its end."""
        self._done += 1
        self._add(worker, 1, 0)

    def photo_lost(self, worker: str, why: str) -> None:
        """A photo was lost with its worker. why: one of `LOST`."""
        self._lost[why] += 1
        self._add(worker, 0, 1)

    def worker_lost(self, why: str) -> None:
        """A worker was lost that had photos. why: one of `LOST`."""
        self._workers_lost[why] += 1

    def photo_given_back(self, why: str) -> None:
        """A worker could not do a photo. why: one of `SET_ASIDE`."""
        self._given_back[why] += 1

    def totals(self) -> ClusterTotals:
        """All of it, as it is now."""
        by_worker, lost = dict(self._by_worker), dict(self._lost)
        return ClusterTotals(by_worker, self._done, lost, dict(self._workers_lost), dict(self._given_back))

    def _add(self, worker: str, done: int, lost: int) -> None:
        before = self._by_worker.pop(worker, Tally())  # to the end: who did nothing for longest comes first
        self._by_worker[worker] = Tally(before.done + done, before.lost + lost)
        if len(self._by_worker) > MOST_NAMES:
            del self._by_worker[next(iter(self._by_worker))]
