"""Looks after the daemon while it works: its status every second, its leftovers every minute."""

import threading
import time
from collections.abc import Callable

from daemon.journal import Journal
from daemon.logs import log
from daemon.service.status_turn import StatusTurn
from daemon.settings.current import CurrentSettings
from daemon.work.dispatch import Dispatch

TURN_SECONDS = 1.0
CLEAR_SECONDS = 60.0
DAY_SECONDS = 86400.0
MOST_PRUNED = 500  # at a time: no photo starts meanwhile, which takes less than a tenth of a second


class Housekeeping:
    """Works in a thread of its own."""

    def __init__(
        self,
        status: StatusTurn,
        journal: Journal,
        dispatch: Dispatch,
        clear_leftovers: Callable[[], object],
        settings: CurrentSettings,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._status = status
        self._journal = journal
        self._dispatch = dispatch
        self._clear_leftovers = clear_leftovers
        self._settings = settings
        self._clock = clock

    def keep(self, stop: threading.Event) -> None:
        """Work until `stop`."""
        cleared = pruned = time.monotonic()
        while not stop.wait(TURN_SECONDS):
            self._status.turn()
            if time.monotonic() - cleared > CLEAR_SECONDS and not self._dispatch.running:
                self._clear_leftovers()  # what a full disk left undone
                cleared = time.monotonic()
            if time.monotonic() - pruned > CLEAR_SECONDS:
                self.prune()
                pruned = time.monotonic()

    def prune(self) -> None:
        """Delete some of the jobs that were over for longer than the journal has to keep them."""
        days = self._settings.now.journal.keep_days  # 0 = keep all
        pruned = self._journal.prune(self._clock() - days * DAY_SECONDS, MOST_PRUNED) if days else 0
        if pruned:
            text = f"{pruned} photos that were over for more than {days} days were deleted from the journal."
            log.log("journal_pruned", text, count=pruned)
