"""Finds damage of the journal's file, remembers it for the next start, and sets a damaged file aside."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daemon.journal.database import fault_of, hidden_fault_of
from daemon.journal.file_errors import damaged

QUICK_BYTES = 32_000_000
"""A file of this size is read whole in a quarter of a second, before the start. Larger ones are read during work."""


def remember(path: Path, fault: str) -> None:
    """Write beside the journal that it is damaged, for the next start."""
    with suppress(OSError):
        _reminder(path).write_text(fault, "utf-8")


def find(path: Path) -> str | None:
    """What is wrong with a journal, in words; None if nothing was found. Nobody may have the file open."""
    with suppress(FileNotFoundError):
        return _reminder(path).read_text("utf-8", "replace") or "damage was found while it was in use"
    return fault_of(path) or (None if is_large(path) else hidden_fault_of(path))


def is_large(path: Path) -> bool:
    """Whether reading the whole file would delay a start."""
    try:
        return path.stat().st_size > QUICK_BYTES
    except FileNotFoundError:
        return False


def look_closely(path: Path, stopped: Callable[[], bool]) -> None:
    """Read a whole journal while it is in use. Raises JournalDamaged if it is damaged; the next start knows it then.

    stopped: asked from time to time; True ends the reading.
    """
    fault = hidden_fault_of(path, stopped)
    if fault is not None:
        remember(path, fault)
        raise damaged(path, fault)


def set_aside(path: Path, now: float) -> Path:
    """Rename a damaged journal and SQLite's files beside it; returns the new path."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    _reminder(path).unlink(missing_ok=True)
    return aside


def _reminder(path: Path) -> Path:
    return path.with_name(f"{path.name}.is-damaged")
