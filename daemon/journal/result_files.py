"""The files of results as they were published: by them a result is known again under any name."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from daemon.disk.file_id import FileId
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.journal.rows import JobRow, ResultFile

RESULTS_TO_READ = "results_to_read"
"""The fact in the journal that it was kept by a version that recorded no files; deleted when reports have told them."""
UNKNOWN_BYTES = 0
"""The size of a result of which only its report was found. No result is so small."""


class ResultFiles:
    """The files that the journal knows, of all rounds of all its jobs. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(self, job_id: str, files: Sequence[ResultFile]) -> None:
        """Keep the files of a job's result. Does nothing for a job that is not known."""
        with self._db.transaction():
            for file in files:
                self._db.change(
                    "INSERT OR REPLACE INTO result_files (job_id, sha256, inode, size_bytes, mtime_ns) "
                    "SELECT id, ?, ?, ?, ? FROM jobs WHERE id = ?",
                    file.sha256,
                    rows.signed(file.inode),
                    file.size_bytes,
                    file.mtime_ns,
                    job_id,
                )

    def record_told(self, told: Sequence[JobRow]) -> int:
        """Keep the files of which reports tell, of jobs that are known. Returns 0, the number of jobs that are new."""
        with self._db.transaction():
            for row in told:
                self.record(row.job.id, row.files)
        return 0

    def of_file(self, file: FileId) -> str | None:
        """The job whose result this very file is: unchanged since it was published, and never copied."""
        return self._job(
            "inode = ? AND size_bytes = ? AND mtime_ns = ?", rows.signed(file.inode), file.size_bytes, file.mtime_ns
        )

    def jobs_of(self, inodes: Sequence[int]) -> Mapping[int, Collection[str]]:
        """The jobs that published a file of an inode, for those of these inodes that the journal knows.

        inodes: at most some thousands. An inode is used again once its file is gone, so it proves nothing by itself.
        """
        jobs: dict[int, set[str]] = defaultdict(set)
        signed = [rows.signed(inode) for inode in inodes]
        which = f"inode IN ({rows.placeholders(signed)})"
        for inode, job_id in self._db.rows(f"SELECT inode, job_id FROM result_files WHERE {which}", *signed):
            jobs[rows.whole(inode) % 2**64].add(str(job_id))
        return jobs

    def sha256_of(self, job_id: str, file: FileId) -> bytes | None:
        """The content of a file of a job's results, known without reading it; None if it changed."""
        row = self._db.row(
            "SELECT sha256 FROM result_files WHERE job_id = ? AND inode = ? AND size_bytes = ? AND mtime_ns = ?",
            job_id,
            rows.signed(file.inode),
            file.size_bytes,
            file.mtime_ns,
        )
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def inodes_of(self, job_id: str) -> frozenset[int]:
        """The inodes of a job's results, of all rounds."""
        found = self._db.rows("SELECT inode FROM result_files WHERE job_id = ?", job_id)
        return frozenset(rows.whole(inode) % 2**64 for (inode,) in found)

    def may_have_size(self, size_bytes: int) -> bool:
        """Whether any result may be a file of so many bytes; if not, a file of that size need not be read."""
        return self._job("size_bytes IN (?, ?)", size_bytes, UNKNOWN_BYTES) is not None

    def of_content(self, size_bytes: int, sha256: bytes) -> str | None:
        """The job that published a result of this content."""
        return self._job("size_bytes IN (?, ?) AND sha256 = ?", size_bytes, UNKNOWN_BYTES, sha256)

    def _job(self, which: str, *values: object) -> str | None:
        row = self._db.row(f"SELECT job_id FROM result_files WHERE {which} LIMIT 1", *values)
        return None if row is None else str(row[0])
