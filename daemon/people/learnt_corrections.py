"""Hands each photo the corrections that people's verdicts ask for, fixed when its work begins."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from daemon.errors import BadOrder
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.orders import Orders
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Correction, Job
from daemon.journal import Journal, top_folder
from daemon.judgement.correction import Cell, FoundShift, find_shifts
from daemon.judgement.grading import Thresholds
from daemon.people.judged_results import judged
from daemon.settings import Settings
from daemon.states import is_decided

FRESH_SECONDS = 600.0  # verdicts count for photos that start so much later: learning from 40,000 takes seconds


class LearntCorrections:
    """Reads the verdicts again from time to time. Safe to use from many threads."""

    def __init__(self, journal: Journal, orders: Orders, runtime: Runtime) -> None:
        self._journal = journal
        self._orders = orders
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._lock = threading.Lock()
        self._learnt_at = float("-inf")
        self._shifts: Mapping[Cell, FoundShift] = {}
        self._learnt_from: tuple[object, Mapping[str, Thresholds]] | None = None

    def for_photo(self, job: Job, settings: Settings) -> Mapping[str, Correction]:
        """By model, the corrections of this round of a job; the same each time, whatever people say meanwhile.

        settings: of this photo; nothing is corrected unless they say so. Raises NoRoom, RootAway, JournalLocked.
        """
        if settings.judgement.correction == "off":
            return {}
        kept = self._journal.corrections.of(job.id, job.round)
        if kept is not None:
            return kept
        if is_decided(job.state):  # its verdict is given: it was not corrected, and another one would contradict it
            return {}
        order = top_folder(job.name)
        found = {
            model: shift.correction for (of, model), shift in self._learnt().items() if of == order and shift.correction
        }
        self._tick(Effect.KEEP_CORRECTIONS)
        self._journal.corrections.keep(job.id, job.round, found)
        return found

    def _learnt(self) -> Mapping[Cell, FoundShift]:
        """Learns anew if people said something, or an order's thresholds changed, and not too often."""
        with self._lock:
            now = self._clock()
            if 0 <= now - self._learnt_at < FRESH_SECONDS:
                return self._shifts
            given = self._journal.verdicts.given()
            if self._learnt_from is None or self._learnt_from != (given, self._thresholds(self._learnt_from[1])):
                results = judged(self._journal)
                thresholds = self._thresholds({one.order for one in results})
                self._shifts, self._learnt_from = find_shifts(results, thresholds), (given, thresholds)
            self._learnt_at = now
            return self._shifts

    def _thresholds(self, orders: Iterable[str]) -> Mapping[str, Thresholds]:
        return thresholds_of(order_settings(self._orders.settings_for, orders))


def order_settings(settings_for: Callable[[Path], Settings], orders: Iterable[str]) -> dict[str, Settings]:
    """By order, the settings that count there now. settings_for: of a photo at a place below the root.

    An order whose `freisteller.toml` is wrong is left out: no photo of it starts. Raises NoRoom, RootAway.
    """
    found = {}
    for order in orders:
        with suppress(BadOrder):
            found[order] = settings_for(Path("inbox", order, "photo") if order else Path("inbox", "photo"))
    return found


def thresholds_of(settings: Mapping[str, Settings]) -> dict[str, Thresholds]:
    """By order, its thresholds. settings: by order."""
    return {order: Thresholds(one.grading.sehr_gut, one.grading.gut) for order, one in settings.items()}
