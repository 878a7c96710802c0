"""Where the originals of jobs that are over lie, and whose original a file is."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.disk.file_id import FileId
from daemon.journal import rows
from daemon.journal.database import Database

_COLUMNS = "job_id, place, inode, size_bytes, mtime_ns"


@dataclass(frozen=True, slots=True)
class Original:
    """A job's original in `archiv/` or `failed/`. place: its path below the root. The rest tells its file from others.

    The file's ctime is not part of it, because a move changes that. place "": the original is about to be put there,
    and has no name but the one in work. Whoever finds another name of it has found the one that it got there, wherever
    a person took it since.
    """

    job_id: str
    place: str
    inode: int
    size_bytes: int
    mtime_ns: int


class Originals:
    """The originals that the journal knows. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(self, original: Original) -> None:
        """Keep where an original lies now."""
        with self._db.transaction():
            self._db.change(
                f"INSERT OR REPLACE INTO originals ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                original.job_id,
                original.place,
                rows.signed(original.inode),
                original.size_bytes,
                original.mtime_ns,
            )

    def of_job(self, job_id: str) -> Original | None:
        """Where a job's original lies; None if it was not kept or not recorded."""
        found = _read(self._db.rows(f"SELECT {_COLUMNS} FROM originals WHERE job_id = ?", job_id))
        return found[0] if found else None

    def of_file(self, file: FileId) -> tuple[Original, ...]:
        """The originals that this file may be, whatever its name is now."""
        return _read(
            self._db.rows(
                f"SELECT {_COLUMNS} FROM originals WHERE inode = ? AND size_bytes = ? AND mtime_ns = ?",
                rows.signed(file.inode),
                file.size_bytes,
                file.mtime_ns,
            )
        )

    def is_of_another(self, job_id: str, file: FileId) -> bool:
        """Whether a file is known as the original of other jobs but not of this one."""
        owners = {original.job_id for original in self.of_file(file)}
        return bool(owners) and job_id not in owners


def _read(found: Sequence[Sequence[object]]) -> tuple[Original, ...]:
    return tuple(
        Original(str(job_id), str(place), rows.whole(inode) % 2**64, rows.whole(size), rows.whole(mtime))
        for job_id, place, inode, size, mtime in found
    )
