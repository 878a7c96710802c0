"""Words what can be wrong with the journal's file, and what to do."""

from pathlib import Path

from daemon.disk.lock_holders import lock_holder
from daemon.errors import JournalDamaged, JournalLocked, NoRoom


def damaged(path: Path, fault: str) -> JournalDamaged:
    """The error that says what is wrong with the file, in SQLite's words."""
    return JournalDamaged(
        f"The journal {path} is damaged ({fault}). No photo is lost: the next start sets the file aside and goes on "
        "with what lies in the folders."
    )


def no_room(path: Path, error: Exception) -> NoRoom:
    """The error of a write that found no room for the file."""
    return NoRoom(
        f"The journal {path} cannot be written ({error}). Make room on the disk of the state directory; work then goes "
        "on by itself."
    )


def locked(path: Path) -> JournalLocked:
    """The error that says who has locked the file."""
    # SQLite locks the file beside the journal that its connections share, or the journal itself.
    holder = lock_holder(path.with_name(f"{path.name}-shm"), path)
    return JournalLocked(
        f"The journal {path} is locked by another program{f' ({holder})' if holder else ''}. Close that program, or "
        "end its transaction; Freisteller then goes on by itself."
    )
