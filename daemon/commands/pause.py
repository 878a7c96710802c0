"""`freisteller pause` and `resume`: a person stops new work, and lets it go on.

Both write into the journal; a running daemon reads it within a second.
"""

import time

from daemon.commands.journal_of_root import journal_of_root
from daemon.settings import Settings


def pause_work(settings: Settings) -> None:
    """From now on no photo is started. Raises BadSettings if the hot folder has no journal."""
    with journal_of_root(settings) as journal:
        journal.pause(time.time())


def resume_work(settings: Settings) -> bool:
    """Photos are started again. Returns False if nothing was paused. Raises BadSettings if there is no journal."""
    with journal_of_root(settings) as journal:
        return journal.resume()
