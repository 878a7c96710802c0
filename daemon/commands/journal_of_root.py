"""Opens the journal of the hot folder that the settings name, beside a running daemon."""

from collections.abc import Iterator
from contextlib import contextmanager

from daemon.errors import BadSettings
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal
from daemon.service.open_root import known_root
from daemon.settings import Settings


@contextmanager
def journal_of_root(settings: Settings) -> Iterator[Journal]:
    """Opens the journal for the length of a `with` block.

    Raises BadSettings if there is none, RootAway if there is one, but its hot folder is not there.
    """
    root = settings.root_path
    root_id = HotFolder(root).find(known_root(settings))
    if root_id is None:
        raise BadSettings(
            f"{root} is no hot folder yet, so it has no journal. Check --root and --config, or make it a hot folder "
            "with: freisteller run"
        )
    path = settings.state_path(root_id) / "journal.sqlite3"
    if not path.exists():
        raise BadSettings(
            f"The journal of {root} is not at {path}. Check --config and the setting state_dir: "
            "freisteller run was started with other ones."
        )
    journal = Journal(path)
    try:
        yield journal
    finally:
        journal.close()
