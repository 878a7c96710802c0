"""What a daemon must have to itself first: the hot folder, the state directory, their locks, the journal."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from daemon.disk.lock_file import Lock
from daemon.disk.os_errors import translated
from daemon.errors import BadSettings, JournalDamaged, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.lease import Lease
from daemon.hotfolder.root_identity import read_identity
from daemon.journal import Journal, damage, fact_in
from daemon.logs import log
from daemon.settings import Settings

JOURNAL = "journal.sqlite3"


@dataclass(frozen=True, slots=True)
class OpenRoot:
    """All of it, open and locked. damaged: whether a damaged journal was set aside for a new one."""

    root_id: str
    folders: HotFolder
    state: Path
    lease: Lease
    journal: Journal
    damaged: bool

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self.state / JOURNAL


def open_root(
    doors: ExitStack, settings: Settings, clock: Callable[[], float], print_line: Callable[[str], None]
) -> OpenRoot:
    """Lock and open; `doors` closes again. clock: Unix seconds.

    Raises BadSettings, AlreadyRunning, RootAway, NoRoom.
    """
    folders = HotFolder(settings.root_path)
    # With the id that the journal knows, an empty mount point is not taken for a new hot folder.
    root_id = folders.prepare(_known_root(settings))
    state = settings.state_path(root_id)
    with translated(f"The state directory {state}"):
        doors.callback(Lock(state / "lock", f"The state directory {state}").release)
    lock = Lock(folders.private / "lock", f"The hot folder {settings.root_path}")
    doors.callback(lock.release)
    lease = Lease(folders.private, locked=lock.held, print_line=print_line)
    doors.callback(lease.release)
    with translated(f"The state directory {state}"):
        damaged = _set_damage_aside(state / JOURNAL, clock, print_line)
        journal = Journal(state / JOURNAL)
    doors.callback(journal.close)
    if journal.facts.record_once("root", root_id) != root_id:
        raise BadSettings(
            f"The journal in {state} belongs to another hot folder than {settings.root_path}. If that is an empty "
            "mount point, mount the share; if there are two hot folders, give each a state_dir of its own; "
            "if the old one was deleted on purpose, remove that state directory."
        )
    return OpenRoot(root_id, folders, state, lease, journal, damaged)


def _set_damage_aside(path: Path, clock: Callable[[], float], print_line: Callable[[str], None]) -> bool:
    """Put a damaged journal out of the way; whether there was one."""
    fault = damage.find(path)
    if fault is None:
        return False
    aside = damage.set_aside(path, clock())
    text = (
        f"The journal was damaged ({fault}) and is set aside as {aside}. A new one goes on with the photos in "
        "work and reads back from their reports what is done; nothing is done twice. Is the disk all right?"
    )
    log.log("journal_set_aside", text, level=logging.ERROR, path=str(aside))
    print_line(text)
    return True


def _known_root(settings: Settings) -> str | None:
    """The id of the root that the journal belongs to; None where the state directory is new or depends on that id."""
    given = settings.given_state_path
    if given is None:
        return None
    try:
        return fact_in(given / JOURNAL, "root")
    except JournalDamaged as error:
        found = read_identity(HotFolder(settings.root_path).private)
        if found is None:
            raise RootAway(
                f"{settings.root_path} is away or empty, and {error} So nobody knows which share belongs there. "
                f"Mount the right one; for a new hot folder, remove {given}."
            ) from error
        return found
