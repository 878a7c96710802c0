"""Opens and locks what a daemon needs for itself alone: the hot folder, the state directory, the journal."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.disk.lock_file import Lock
from daemon.disk.os_errors import translated
from daemon.errors import BadSettings, JournalDamaged, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.lease import Lease
from daemon.hotfolder.root_identity import read_identity
from daemon.journal import Journal, damage, fact_in
from daemon.logs import log
from daemon.service import known_mounts
from daemon.settings import Settings

JOURNAL = "journal.sqlite3"


@dataclass(frozen=True, slots=True)
class OpenRoot:
    """All of it, open and locked. state: the state directory. damaged: a new journal replaces a damaged one."""

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


def open_root(doors: ExitStack, settings: Settings, clock: Callable[[], float]) -> OpenRoot:
    """Lock and open everything; `doors` closes it. clock: Unix seconds.

    Raises BadSettings, AlreadyRunning, RootAway, NoRoom.
    """
    folders = HotFolder(settings.root_path)
    # The journal knows the id of its hot folder, so an empty mount point does not count as a new one.
    root_id = folders.prepare(known_root(settings))
    state = settings.state_path(root_id)
    with translated(f"The state directory {state}"):
        doors.callback(Lock(state / "lock", f"The state directory {state}").release)
    lock = Lock(folders.private / "lock", f"The hot folder {settings.root_path}")
    doors.callback(lock.release)
    print_line = partial(log.log, "lease_looked_at", people=True)
    lease = Lease(folders.private, locked=lock.held, print_line=print_line)
    doors.callback(lease.release)
    with translated(f"The state directory {state}"):
        damaged = _set_damage_aside(state / JOURNAL, clock)
        journal = Journal(state / JOURNAL)
    doors.callback(journal.close)
    if journal.facts.record_once("root", root_id) != root_id:
        raise BadSettings(
            f"The journal in {state} belongs to another hot folder than {settings.root_path}. If that is an empty "
            "mount point, mount the share. If you have two hot folders, give each its own state_dir. If you deleted "
            "the old hot folder on purpose, remove that state directory."
        )
    known_mounts.remember(settings)
    return OpenRoot(root_id, folders, state, lease, journal, damaged)


def _set_damage_aside(path: Path, clock: Callable[[], float]) -> bool:
    """Move a damaged journal out of the way. Returns whether there was one."""
    fault = damage.find(path)
    if fault is None:
        return False
    aside = damage.set_aside(path, clock())
    text = (
        f"The journal was damaged ({fault}) and is set aside as {aside}. A new journal goes on with the photos in "
        "work and reads finished photos back from their reports, so nothing is done twice. Check the disk."
    )
    log.log("journal_set_aside", text, level=logging.ERROR, path=str(aside))
    return True


def known_root(settings: Settings) -> str | None:
    """The id of the journal's hot folder. Returns None if the state directory is new, or depends on that id.

    Raises RootAway if the place was a hot folder on a mount that is not there now.
    """
    given = settings.given_state_path
    known = None if given is None else _known_in(given, settings)
    if known is None:
        known_mounts.refuse_unmounted(settings.root_path)
    return known


def _known_in(given: Path, settings: Settings) -> str | None:
    try:
        return fact_in(given / JOURNAL, "root")
    except JournalDamaged as error:
        found = read_identity(HotFolder(settings.root_path).private)
        if found is None:
            raise RootAway(
                f"{settings.root_path} is away or empty, and {error} So we cannot know which share belongs there. "
                f"Mount the right one. For a new hot folder, remove {given}."
            ) from error
        return found
