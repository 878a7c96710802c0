"""A damaged journal: found as early as it is cheap, remembered when it is met amid the work, and set aside."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daemon.errors import JournalDamaged
from daemon.journal.database import fault_of, hidden_fault_of

QUICK_BYTES = 32_000_000  # a file of this size is read whole in a quarter of a second; larger ones while work goes on


def remember(path: Path, fault: str) -> None:
    """Note beside the journal that it is damaged, for the next start."""
    with suppress(OSError):
        _mark_of(path).write_text(fault, "utf-8")


def find(path: Path) -> str | None:
    """What is wrong with a journal, in words; None where nothing was found. For its only user, before it is opened."""
    with suppress(FileNotFoundError):
        return _mark_of(path).read_text("utf-8", "replace") or "damage was met while it was in use"
    return fault_of(path) or (None if is_large(path) else hidden_fault_of(path))


def is_large(path: Path) -> bool:
    """Whether reading all of it would hold up a start."""
    try:
        return path.stat().st_size > QUICK_BYTES
    except FileNotFoundError:
        return False


def look_closely(path: Path, stopped: Callable[[], bool]) -> None:
    """Read all of a journal while it is in use. Raises JournalDamaged, once that is remembered."""
    fault = hidden_fault_of(path, stopped)
    if fault is not None:
        remember(path, fault)
        raise JournalDamaged(f"The journal {path} is damaged ({fault}). The next start sets it aside.")


def set_aside(path: Path, now: float) -> Path:
    """Rename a damaged journal, and what belongs to it; returns its new path."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    _mark_of(path).unlink(missing_ok=True)
    return aside


def _mark_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.is-damaged")
