"""Tells whether photos of an order still lie in `inbox/`: taken in by nobody yet, or left alone."""

from daemon.disk import mounts, open_below
from daemon.disk.names import clean_name
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.strangers import Strangers
from daemon.intake.walk_inbox import walk


def holds_photos(folders: HotFolder, folder: str) -> bool:
    """Whether photos lie in this top-level folder; "" = in `inbox/` itself. Raises OSError."""
    inbox, table = folders.inbox, mounts.read()
    if not folder:
        return any(each.stat and "/" not in each.path for each in walk(inbox, Strangers(), table))
    # The disk may spell the name differently from the journal.
    spellings = [path for path in inbox.iterdir() if clean_name(path.name) == folder]
    try:
        return any(each.stat for path in spellings for each in walk(path, Strangers(), table))
    except OSError as error:
        if error.errno in open_below.GONE:
            return False
        raise
