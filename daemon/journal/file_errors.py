"""Words what can be wrong with the journal's file, and what to do."""

from pathlib import Path

from daemon.disk.lock_holders import lock_holder
from daemon.errors import JournalDamaged, JournalLocked, NoRoom, Said


def damaged(path: Path, fault: str) -> JournalDamaged:
    """The error that says what is wrong with the file, in SQLite's words."""
    return JournalDamaged(Said("journal_damaged", path=path, detail=fault))


def no_room(path: Path, error: Exception) -> NoRoom:
    """The error of a write that found no room for the file."""
    return NoRoom(Said("journal_no_room", path=path, detail=error))


def locked(path: Path) -> JournalLocked:
    """The error that says who has locked the file."""
    # SQLite locks the file beside the journal that its connections share, or the journal itself.
    holder = lock_holder(path.with_name(f"{path.name}-shm"), path)
    return JournalLocked(
        Said("journal_locked_by", path=path, holder=holder) if holder else Said("journal_locked", path=path)
    )
