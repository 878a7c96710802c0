"""Where the originals of jobs that are over were laid, and whose original a file is."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.journal import rows
from daemon.journal.database import Database


@dataclass(frozen=True, slots=True)
class Original:
    """A job's original in `archiv/` or `failed/`. place: below the root. The rest is what its file is known by."""

    job_id: str
    place: str
    inode: int
    size_bytes: int
    mtime_ns: int


def record(db: Database, original: Original) -> None:
    """Keep where it lies now, within a transaction."""
    db.change(
        "INSERT OR REPLACE INTO originals (job_id, place, inode, size_bytes, mtime_ns) VALUES (?, ?, ?, ?, ?)",
        original.job_id,
        original.place,
        _signed(original.inode),
        original.size_bytes,
        original.mtime_ns,
    )


def of_job(db: Database, job_id: str) -> Original | None:
    """Where a job's original was laid; None where it was not kept, or before this was noted."""
    found = _read(db.rows("SELECT job_id, place, inode, size_bytes, mtime_ns FROM originals WHERE job_id = ?", job_id))
    return found[0] if found else None


def of_file(db: Database, inode: int, size_bytes: int, mtime_ns: int) -> tuple[Original, ...]:
    """The originals that this file may be, whatever it is called now."""
    return _read(
        db.rows(
            "SELECT job_id, place, inode, size_bytes, mtime_ns FROM originals "
            "WHERE inode = ? AND size_bytes = ? AND mtime_ns = ?",
            _signed(inode),
            size_bytes,
            mtime_ns,
        )
    )


def _read(found: Sequence[Sequence[object]]) -> tuple[Original, ...]:
    return tuple(
        Original(str(job_id), str(place), rows.whole(inode) % 2**64, rows.whole(size), rows.whole(mtime))
        for job_id, place, inode, size, mtime in found
    )


def _signed(inode: int) -> int:
    """An inode's number in SQLite's 64 bits, which have a sign; those of some shares use all of theirs."""
    return inode - 2**64 if inode >= 2**63 else inode
