"""Knows the workers of a cluster, gives each photo a place on one of them, and notices what is lost.

The scheduler is only asked which workers there are: where a photo goes is decided here, so it is known which photos
were on a worker that died. If there was one, that photo did it. If there were several, nobody knows which: they are
*suspects*, and each runs alone on a worker before any is blamed.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from daemon.cluster.known_worker import KnownWorker, NoFitWorker, OnWorker, PhotoLost, most_free
from daemon.cluster.link import Link, LinkLost
from daemon.cluster.tallies import LOST, ClusterTotals, Tallies
from daemon.cluster.worker_state import ClusterState, FarWorker
from daemon.logs import log

LOOK_SECONDS = 1.0
FIRST_LOOK_SECONDS = 15.0
WAIT_SECONDS = 0.5  # between two looks whether the program stops
REST_SECONDS = 30.0
"""How long a worker that had to give a photo back gets none."""


class Pool:
    """The workers of one cluster. Safe to use from many threads."""

    def __init__(
        self,
        connect: Callable[[], Link],
        version: str,
        silent_seconds: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """connect: makes a link, or raises LinkLost. version: that workers must have. clock: monotonic seconds."""
        self._connect = connect
        self._version = version
        self._silent_seconds = silent_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._link: Link | None = None
        self._fault = "not asked yet"
        self._known: dict[str, KnownWorker] = {}
        self._suspects: set[str] = set()
        self._tallies = Tallies()
        self._closed = threading.Event()
        self._looked = threading.Event()
        self._first_look_until = clock() + FIRST_LOOK_SECONDS

    def start(self, on_look: Callable[[], None]) -> None:
        """Look after the workers until `close`, in a thread of its own. on_look: is called after each look."""
        thread = threading.Thread(target=self._watch, args=(on_look,), name="cluster", daemon=True)
        thread.start()

    def _watch(self, on_look: Callable[[], None]) -> None:
        told = ""
        while not self._closed.is_set():
            try:
                self.look()
                self._looked.set()
                on_look()
            except Exception as error:  # noqa: BLE001 - without further looks no lost photo would ever be noticed
                text = f"The look at the cluster failed, and is repeated: {type(error).__name__}: {error}"
                if text != told:
                    log.log("internal_error", text, level=logging.ERROR, error=error)
                told = text
            self._closed.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Ask once which workers there are, and give up what was on those that are gone."""
        try:
            if self._link is None:
                self._link = self._connect()
            seen = self._link.workers()
        except LinkLost as error:
            self._lose_link(str(error))
            return
        now = self._clock()
        with self._changed:
            self._fault = ""
            there = {each.address: each for each in seen}
            for address in [address for address in self._known if address not in there]:
                self._lose_photos(self._known.pop(address), "gone")
            for address, each in there.items():
                known = self._known.setdefault(address, KnownWorker(each, now))
                if each.seen != known.seen.seen:
                    known.heard_at = now
                known.seen = each
                if now - known.heard_at > self._silent_seconds():
                    self._lose_photos(known, "silent")
            self._changed.notify_all()

    def has_fit(self, stopping: Callable[[], bool]) -> bool:
        """Whether a worker may have photos; at first, waits until it was asked which workers there are.

        A scheduler that takes a connection and says nothing then keeps Dask waiting for ever, but not a photo.
        """
        while not (self._looked.wait(WAIT_SECONDS) or stopping()) and self._clock() < self._first_look_until:
            pass
        return bool(self.state().fit)

    @property
    def threads(self) -> int:
        """How many photos the fit workers work on at once."""
        return sum(worker.threads for worker in self.state().fit)

    def state(self) -> ClusterState:
        """What is known now."""
        with self._changed:
            workers = tuple(self._shown(known) for known in self._known.values())
            return ClusterState(not self._fault, self._fault, tuple(sorted(workers, key=lambda each: each.name)))

    def totals(self) -> ClusterTotals:
        """What came of the photos since the start, also on workers that are gone."""
        with self._changed:
            return self._tallies.totals()

    @contextmanager
    def placed(self, job_id: str, avoid: Collection[str], stopping: Callable[[], bool]) -> Iterator[FarWorker]:
        """Wait for a place on a worker for a photo, and keep it for the length of the block.

        avoid: addresses of workers that gave it back. Raises NoFitWorker if no worker is left, or if the program stops.
        """
        sent = OnWorker()
        known = self._wait_for_place(job_id, sent, avoid, stopping)
        try:
            yield self._shown(known)
        finally:
            with self._changed:
                known.running.pop(job_id, None)
                if known.alone == job_id:
                    known.alone = ""
                self._changed.notify_all()

    def send(self, place: FarWorker, job_id: str, key: str, content: bytes) -> bytes:
        """Run an errand at a place. Returns its answer. Raises PhotoLost, also if the pool is closed."""
        with self._changed:
            known, link = self._known.get(place.address), self._link
            sent = known.running.get(job_id) if known else None
        if known is None or sent is None or link is None:
            raise PhotoLost(place.name, "it is gone", blamed=False)
        try:
            link.send(place.address, key, content, lambda answer, why: self._ended(known, job_id, answer, why))
            sent.done.wait()
        except LinkLost as error:
            with self._changed:
                self._lose(known, sent, "scheduler_away", str(error))
        finally:
            link.forget(key)
        if sent.lost is not None:
            raise sent.lost
        assert sent.answer is not None
        with self._changed:
            self._suspects.discard(job_id)
        return sent.answer

    def count_done(self, place: FarWorker) -> None:
        """Count a photo that a worker brought to its end, be it a result or the photo's own fault."""
        with self._changed:
            self._tallies.photo_done(place.name)

    def rest(self, place: FarWorker, why: str) -> None:
        """Give a worker no photos for a while. why: one of `SET_ASIDE`."""
        with self._changed:
            self._tallies.photo_given_back(why)
            if known := self._known.get(place.address):
                known.rests_until, known.rests_for = self._clock() + REST_SECONDS, why

    def close(self) -> None:
        """Let go of the cluster. May be called twice."""
        self._closed.set()
        self._looked.set()
        self._lose_link("the program stops")

    def _wait_for_place(
        self, job_id: str, sent: OnWorker, avoid: Collection[str], stopping: Callable[[], bool]
    ) -> KnownWorker:
        with self._changed:
            while True:
                fit = [each for each in self._known.values() if not self._why_not(each)]
                fit = [] if self._fault else [each for each in fit if each.seen.address not in avoid]
                if not fit or stopping() or self._closed.is_set():
                    for each in self._known.values():
                        each.alone = "" if each.alone == job_id else each.alone
                    raise NoFitWorker
                found = self._place_alone(job_id, fit) if job_id in self._suspects else most_free(fit)
                if found is not None:
                    found.running[job_id] = sent
                    return found
                self._changed.wait(WAIT_SECONDS)

    def _place_alone(self, job_id: str, fit: list[KnownWorker]) -> KnownWorker | None:
        """The worker that is kept for a suspect, once nothing else is on it."""
        kept = [each for each in fit if each.alone == job_id] or [each for each in fit if not each.alone]
        if not kept:
            return None
        chosen = min(kept, key=lambda each: len(each.running))
        chosen.alone = job_id
        return None if chosen.running else chosen

    def _shown(self, known: KnownWorker) -> FarWorker:
        tally = self._tallies.of(known.seen.name)
        return known.shown(self._version, self._clock(), self._silent_seconds(), tally)

    def _why_not(self, known: KnownWorker) -> str:
        return known.set_aside(self._version, self._clock(), self._silent_seconds())

    def _ended(self, known: KnownWorker, job_id: str, answer: bytes | None, why: str) -> None:
        with self._changed:
            sent = known.running.get(job_id)
            if sent is None or sent.done.is_set():
                return
            if answer is None and "KilledWorker" in why:
                return  # the next look sees that it is gone, and with what else
            if answer is None:  # Dask cancels all errands when it loses its scheduler
                self._lose(known, sent, "scheduler_away" if why == "cancelled" else "not_run", why)
            else:
                sent.answer = answer
                sent.done.set()

    def _lose_photos(self, known: KnownWorker, why: str) -> None:
        waited_for = {job_id: sent for job_id, sent in known.running.items() if not sent.done.is_set()}
        if waited_for:
            self._tallies.worker_lost(why)
        for job_id, sent in waited_for.items():
            self._suspects.add(job_id)
            self._lose(known, sent, why, LOST[why], blamed=len(waited_for) == 1)

    def _lose(self, known: KnownWorker, sent: OnWorker, why: str, text: str, blamed: bool = False) -> None:
        """Give up a photo that is waited for, and count it once."""
        if not sent.done.is_set():
            self._tallies.photo_lost(known.seen.name, why)
            sent.lost = PhotoLost(known.seen.name, text, blamed=blamed)
            sent.done.set()

    def _lose_link(self, why: str) -> None:
        link, self._link = self._link, None
        with self._changed:
            self._fault = why
            for known in self._known.values():
                for sent in known.running.values():
                    self._lose(known, sent, "scheduler_away", why)
            self._known.clear()
            self._changed.notify_all()
        if link is not None:
            with suppress(Exception):
                link.close()
