"""What the journal knows of photos that are over: where their results lie, and which content came before."""

import json
import os
from collections.abc import Mapping, Sequence

from daemon.journal import rows
from daemon.journal.database import Database
from daemon.journal.rows import JobRow


def jobs_at(db: Database, places: Sequence[str]) -> Mapping[str, str]:
    """Of these paths below the root those at which a file of a job was last seen, each with the id of that job."""
    sound = [place for place in places if place.isascii() or _is_text(place)]
    marks = ", ".join("?" for _ in sound)
    found = db.rows(f"SELECT path, job_id FROM places WHERE path IN ({marks})", *sound)
    return {str(path): str(job_id) for path, job_id in found}


def _is_text(place: str) -> bool:
    """Whether a name from a disk is UTF-8; all that we write is."""
    try:
        place.encode()
    except UnicodeEncodeError:
        return False
    return True


def record_content(db: Database, job_id: str, content: bytes, leave_out: bool) -> str | None:
    """Settle once whether a job's content came before, within a transaction; returns the id of the job it came with.

    Of two jobs that ask at once one has it first, and a restart finds the same answer: so one of them is worked on.
    Without leave_out, whatever came before does not matter: None.
    """
    if not leave_out:
        db.change("UPDATE jobs SET content = ?, same_as = NULL WHERE id = ?", content, job_id)
        return None
    known = db.row("SELECT content, same_as FROM jobs WHERE id = ?", job_id)
    if known is not None and known[0] is None:
        first = _with_content(db, content)
        db.change("UPDATE jobs SET content = ?, same_as = ? WHERE id = ?", content, first, job_id)
        return first
    return None if known is None or known[1] is None else str(known[1])


def _with_content(db: Database, content: bytes) -> str | None:
    """The id of the oldest job with this content that neither failed nor was left out for another one."""
    row = db.row(
        "SELECT id FROM jobs WHERE content = ? AND content IS NOT NULL AND same_as IS NULL AND state != 'failed' "
        "ORDER BY admitted_at, id LIMIT 1",
        content,
    )
    return None if row is None else str(row[0])


def restore(db: Database, entry: JobRow) -> bool:
    """Write a job down with its attempts, within a transaction; False where there is one of its id already.

    What is over gets a row before all others: it is no news to those who look at the rows that are added.
    """
    job = entry.job
    lowest = db.row("SELECT coalesce(min(rowid), 1) FROM jobs")
    is_over = job.finished_at is not None and lowest is not None
    restored = db.change(
        "INSERT OR IGNORE INTO jobs (rowid, id, name, folder, source, state, round, size_bytes, admitted_at, "
        "started_at, finished_at, grade, score, best, reason, reason_kind, results, content) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows.whole(lowest[0]) - 1 if is_over and lowest else None,
        job.id,
        job.name,
        rows.top_folder(job.name),
        os.fsencode(entry.source),
        job.state,
        job.round,
        job.size_bytes,
        job.admitted_at,
        job.started_at,
        job.finished_at,
        job.grade,
        job.score,
        job.best,
        job.reason,
        entry.reason_kind,
        json.dumps(entry.results),
        entry.content,
    )
    if restored:
        for attempt in job.attempts:
            body = rows.ATTEMPT.dump_json(attempt).decode()
            db.change("INSERT INTO attempts VALUES (?, ?, ?, ?)", job.id, job.round, attempt.number, body)
    return bool(restored)


def prune(db: Database, before: float, most: int) -> int:
    """Strike out so many jobs that ended before, oldest first, within a transaction; returns how many.

    Their attempts and places go with them; tallies and verdicts of people stay. A failed job whose original is not
    laid aside yet is not over.
    """
    # "+": by the index of finished_at, in whose order the first few are found at once; that of state holds a million.
    return db.change(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at IS NOT NULL AND finished_at < ? "
        "AND (+state = 'done' OR (+state = 'failed' AND results != '[]')) ORDER BY finished_at LIMIT ?)",
        before,
        most,
    )
