"""Tells people when another program keeps the journal locked, and when it has let go."""

import logging
import threading

from daemon.errors import JournalLocked, said_of
from daemon.journal import Journal
from daemon.logs import log
from daemon.observe.health import Health


class JournalWatch:
    """Looks whether the journal can be written. Safe to call from any thread."""

    def __init__(self, journal: Journal, health: Health) -> None:
        self._journal = journal
        self._health = health
        self._lock = threading.Lock()
        self._is_locked = False

    def look(self) -> str:
        """Look once; each change is logged and shown once. Returns what keeps the journal from being written, or ""."""
        trouble = self._trouble()
        self._health.report("journal", not trouble, trouble)
        with self._lock:
            changed, self._is_locked = self._is_locked != bool(trouble), bool(trouble)
        if changed:
            text = trouble or "The journal can be written again; the work goes on."
            level = logging.ERROR if trouble else logging.INFO
            log.log("journal_locked" if trouble else "journal_unlocked", text, level=level, people=True)
        return trouble

    def _trouble(self) -> str:
        if not self._journal.patience.was_needed:
            return ""  # whoever wants to write notices a lock
        try:
            self._journal.turns.make_due(JournalLocked.reason)  # a write that fails while the lock is there
        except JournalLocked as error:
            return said_of(error)
        return ""
