"""Which folders of `inbox/` are done and empty again, each told once, also across restarts.

A batch is what the journal holds of a folder after a certain row; rows only grow, whatever the clock does.
"""

import json
from collections.abc import Callable
from contextlib import suppress

from daemon.disk import mounts, open_below
from daemon.disk.names import clean_name
from daemon.errors import NoRoom
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.walk_inbox import walk
from daemon.journal import Batch, Journal
from daemon.notify.notices import BatchFigures
from daemon.pictures.reading import SUFFIXES

MOST_PLACES = 200  # what a person still looks through
FACT = "batches_told"  # {"low": every row up to this one is told, "folders": {name: the same for one folder}}


class Batches:
    """Looks at the folders that photos came to. For one thread."""

    def __init__(self, journal: Journal, folders: HotFolder, clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        self._journal = journal
        self._folders = folders
        self._clock = clock
        self._low, self._told = self._remembered()
        self._seen = self._low
        self._open: dict[str, float] = {}  # folder -> when it was last seen to be at work

    def done(self, quiet_seconds: float) -> tuple[BatchFigures, ...]:
        """The folders that are done by now: nothing open, no photo in them, and none admitted for so long.

        Raises OSError, RootAway or NoRoom where the hot folder cannot be read.
        """
        now, newest = self._clock(), self._journal.newest()
        # Rows that were deleted may give their numbers to new ones.
        self._low, self._seen = min(self._low, newest), min(self._seen, newest)
        self._open |= dict.fromkeys(self._journal.folders(self._seen), now) if newest > self._seen else {}
        self._seen = newest
        found = []
        for folder, at in list(self._open.items()):
            if now - at < quiet_seconds:
                continue
            batch = self._journal.batch(folder, self._told.get(folder, self._low))
            if batch.photos > batch.done + batch.failed or self._holds_photos(folder):
                self._open[folder] = now  # looked at again when it has been quiet once more
                continue
            del self._open[folder]
            if batch.photos:
                found.append(self._figures(folder, batch))
                self._told[folder] = batch.newest
        if found:
            with suppress(NoRoom):  # rather told twice, after a restart, than not at all
                self._remember()
        return tuple(found)

    def _figures(self, folder: str, batch: Batch) -> BatchFigures:
        places = self._journal.batch_places(folder, self._told.get(folder, self._low), MOST_PLACES)
        return BatchFigures(folder, batch.photos, batch.failed, batch.grades, batch.improved, batch.seconds, places)

    def _holds_photos(self, folder: str) -> bool:
        self._folders.check()
        inbox, table = self._folders.inbox, mounts.read()
        if not folder:
            return any(each.stat and "/" not in each.path for each in walk(inbox, SUFFIXES, table))
        # The disk may spell the name in another way than the journal does.
        spellings = [path for path in inbox.iterdir() if clean_name(path.name) == folder]
        try:
            return any(each.stat for path in spellings for each in walk(path, SUFFIXES, table))
        except OSError as error:
            if error.errno in open_below.GONE:
                return False
            raise

    def _remembered(self) -> tuple[int, dict[str, int]]:
        text, newest = self._journal.known(FACT), self._journal.newest()
        if text is None:  # the first time: what was done before is no news
            self._journal.remember(FACT, json.dumps({"low": newest, "folders": {}}))
            return newest, {}
        kept = json.loads(text)
        return min(kept["low"], newest), {folder: min(row, newest) for folder, row in kept["folders"].items()}

    def _remember(self) -> None:
        newest = self._journal.newest()
        behind = [
            folder
            for folder in self._journal.folders(self._low)
            if self._journal.batch(folder, self._told.get(folder, self._low)).photos
        ]
        if not behind:  # then one number says it all
            self._low, self._told = newest, {}
        self._journal.remember(FACT, json.dumps({"low": self._low, "folders": self._told}, ensure_ascii=False))
