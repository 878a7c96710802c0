"""Reads finished photos back into a journal that is new, or older than what it is to know of results."""

import logging
import threading
from collections.abc import Callable, Sequence
from itertools import islice

from daemon.errors import FreistellerError, NoRoom, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import JobRow, Journal
from daemon.journal.result_files import RESULTS_TO_READ
from daemon.logs import log
from daemon.publishing import found_files
from daemon.words.counted import counted

AT_ONCE = 100  # jobs in one transaction; photos start in between
AGAIN_SECONDS = 60.0  # after which a folder that could not be read is tried again
HISTORY_TO_READ = "history_to_read"
"""The fact in the journal that reports and notes are still to be read; deleted when all of them are."""


class ReadingBack:
    """Reads everything once; goes on after a restart until it is done."""

    def __init__(self, journal: Journal, folders: HotFolder) -> None:
        self._journal = journal
        self._folders = folders
        if journal.is_new:
            journal.facts.record_once(HISTORY_TO_READ, "yes")

    @property
    def left_to_do(self) -> bool:
        """Whether some folders are still to be read."""
        return any(map(self._journal.facts.known, (HISTORY_TO_READ, RESULTS_TO_READ)))

    def serve(self, stop: threading.Event) -> None:
        """Read everything, until `stop`. If the share goes away, wait for it."""
        while not stop.is_set():
            try:
                self._folders.check()
                known = self._read(stop)
            except (RootAway, NoRoom, OSError):
                stop.wait(AGAIN_SECONDS)
                continue
            if not stop.is_set():
                self._journal.facts.forget(HISTORY_TO_READ)
                self._journal.facts.forget(RESULTS_TO_READ)
                if known:
                    text = (
                        f"Read back into the new journal, from reports and notes: {counted(known, 'finished photo')}."
                    )
                    log.log("history_read", text, count=known)
            return

    def _read(self, stop: threading.Event) -> int:
        """Returns how many jobs the journal did not know, and knows now."""
        found, known = found_files.history(self._folders), 0
        is_new = self._journal.facts.known(HISTORY_TO_READ) is not None
        # Jobs that an older journal does not know were removed from it on purpose (`journal.keep_days`).
        write = self._journal.restore if is_new else self._journal.result_files.record_told
        while not stop.is_set() and (some := list[JobRow](islice(found, AT_ONCE))):
            known += self._write(some, write)
        return known

    def _write(self, rows: list[JobRow], write: Callable[[Sequence[JobRow]], int]) -> int:
        """Write rows down, all at once; if one cannot be written, each by itself, without that one."""
        try:
            return write(rows)
        except FreistellerError:
            raise
        except Exception as error:  # noqa: BLE001 - somebody else's file must not keep ours from being read
            if len(rows) > 1:
                return sum(self._write([row], write) for row in rows)
            text = f"{rows[0].results[-1]} was not read back into the journal: {type(error).__name__}: {error}"
            log.log("report_unread", text, level=logging.WARNING, job=rows[0].job.id)
            return 0
