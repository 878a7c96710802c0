"""Finds the folders of `inbox/` that are done and empty again, and reports each batch once, also across restarts.

A batch is all that the journal holds of a folder after a certain row. Row numbers grow even if the clock jumps back,
and no number is given twice.
"""

import json
from collections.abc import Callable
from contextlib import suppress

from daemon.errors import NoRoom
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.photos_left import holds_photos
from daemon.journal import Batch, Journal
from daemon.logs.barrier import Barrier
from daemon.notify.notices import BatchFigures
from daemon.observe import series
from daemon.observe.metrics import Metrics

MOST_PLACES = 200  # as many as a person looks through
FACT = "batches_told"  # {"low": every row up to this one was reported, "folders": {name: the same for one folder}}


class Batches:
    """Watches the folders to which photos came. For one thread only."""

    def __init__(self, journal: Journal, folders: HotFolder, metrics: Metrics, clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        self._journal = journal
        self._folders = folders
        self._metrics = metrics
        self._clock = clock
        self._low, self._reported = self._remembered()
        self._seen = self._low
        self._barrier = Barrier()
        self._open: dict[str, float] = {}  # folder -> when something was last going on in it

    def done(self, quiet_seconds: float) -> tuple[BatchFigures, ...]:
        """The folders that became done: no open job, no photo in them, and none admitted for `quiet_seconds`.

        Raises RootAway or NoRoom if the hot folder cannot be read; then no folder is done.
        """
        now, newest = self._clock(), self._journal.batches.newest()
        self._open |= dict.fromkeys(self._journal.batches.folders(self._seen), now) if newest > self._seen else {}
        self._seen = newest
        done: list[tuple[BatchFigures, Batch]] = []
        for folder, at in self._open.items():
            if now - at < quiet_seconds:
                continue
            with self._barrier.around(f"The notice of {folder or 'inbox'}"):
                batch = self._journal.batches.of_folder(folder, self._reported.get(folder, self._low))
                if batch.photos == batch.done + batch.failed and not self._holds_photos(folder):
                    done.append((self._figures(folder, batch), batch))
                    continue
            self._open[folder] = now  # we look again once it has been quiet for as long again
        for figures, batch in done:  # only now: an error with another folder must not lose these
            del self._open[figures.folder]
            self._reported[figures.folder] = batch.newest
        found = tuple(figures for figures, _ in done if figures.photos)
        if found:
            self._metrics.count(series.BATCHES_DONE, len(found))
            with suppress(NoRoom):  # better reported twice, after a restart, than never
                self._remember()
        return found

    def _figures(self, folder: str, batch: Batch) -> BatchFigures:
        places = self._journal.batches.worst_places(folder, self._reported.get(folder, self._low), MOST_PLACES)
        return BatchFigures(folder, batch.photos, batch.failed, batch.grades, batch.improved, batch.seconds, places)

    def _holds_photos(self, folder: str) -> bool:
        with self._folders.checked(f"Looking for photos in {self._folders.inbox}"):
            return holds_photos(self._folders, folder)

    def _remembered(self) -> tuple[int, dict[str, int]]:
        text = self._journal.facts.known(FACT)
        if text is None:  # the first start: nobody needs to hear of the batches before it
            newest = self._journal.batches.newest()
            self._journal.facts.record(FACT, json.dumps({"low": newest, "folders": {}}))
            return newest, {}
        kept = json.loads(text)
        return kept["low"], kept["folders"]

    def _remember(self) -> None:
        newest = self._journal.batches.newest()
        behind = [
            folder
            for folder in self._journal.batches.folders(self._low)
            if self._journal.batches.of_folder(folder, self._reported.get(folder, self._low)).photos
        ]
        if not behind:  # then one number stands for all folders
            self._low, self._reported = newest, {}
        self._journal.facts.record(FACT, json.dumps({"low": self._low, "folders": self._reported}, ensure_ascii=False))
