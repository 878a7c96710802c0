"""Deletes what is older than the settings say: rows of the journal, and alphas of results."""

import time
from collections.abc import Callable, Sequence

from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.settings.current import CurrentSettings
from daemon.words.counted import counted

DAY_SECONDS = 86400.0
ALPHAS_SECONDS = 600.0  # a look at the alphas of ten thousand results takes a tenth of a second
MOST_PRUNED = 500  # rows at a time: no photo starts meanwhile, which takes less than a tenth of a second
_MEBIBYTE = 1 << 20


class Pruning:
    """Prunes a little at a time; housekeeping calls it every minute."""

    def __init__(self, journal: Journal, alphas: Alphas, settings: CurrentSettings, clock: Callable[[], float]) -> None:
        """clock: Unix seconds."""
        self._journal = journal
        self._alphas = alphas
        self._settings = settings
        self._clock = clock
        self._alphas_at = time.monotonic()

    def prune(self) -> None:
        """Delete some of the jobs that were over for long enough, and now and then alphas."""
        days = self._settings.now.journal.keep_days  # 0 = keep all
        pruned = self._journal.prune(self._clock() - days * DAY_SECONDS, MOST_PRUNED) if days else 0
        if pruned:
            text = f"Deleted from the journal, over for more than {counted(days, 'day')}: {counted(pruned, 'photo')}."
            log.log("journal_pruned", text, count=pruned)
        if time.monotonic() - self._alphas_at > ALPHAS_SECONDS:
            self._alphas_at = time.monotonic()
            self.prune_alphas()

    def prune_alphas(self) -> None:
        """Delete the alphas of results that are old, too many, or of jobs that the journal does not know any more."""
        journal = self._settings.now.journal
        self._alphas.prune(
            self._clock() - journal.keep_alphas_days * DAY_SECONDS,
            journal.keep_alphas_mb * _MEBIBYTE if journal.keep_alphas_days else 0,
            self._forgotten,
            self._journal.open_ids(),
        )

    def _forgotten(self, job_ids: Sequence[str]) -> frozenset[str]:
        """While a new journal is still reading reports, it does not know all jobs yet."""
        return frozenset() if self._journal.facts.known(HISTORY_TO_READ) else self._journal.unknown(job_ids)
