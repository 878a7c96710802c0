"""Rows of photos that are over: written again after the journal was lost, and deleted when they are old."""

import os
import unicodedata

from daemon.jobs import Grade
from daemon.journal import attempt_rows, rows
from daemon.journal.database import Database
from daemon.journal.result_files import ResultFiles
from daemon.journal.rows import JobRow


def restore(db: Database, row: JobRow) -> bool:
    """Write a job with its attempts, within a transaction; returns False if a job of its id is known already.

    A job that is over gets a row before all others: to those who look for rows that are added it is no news.
    """
    job = row.job
    lowest = db.row("SELECT coalesce(min(number), 1) FROM jobs")
    is_over = job.finished_at is not None and lowest is not None
    restored = db.change(
        "INSERT OR IGNORE INTO jobs (number, id, name, folder, source, state, round, size_bytes, admitted_at, "
        "started_at, finished_at, grade, score, best, reason, reason_kind, failure, results, content, settings, given, "
        "choice, worked_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows.whole(lowest[0]) - 1 if is_over and lowest else None,
        job.id,
        job.name,
        rows.top_folder(job.name),
        os.fsencode(row.source),
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
        row.reason_kind,
        rows.failure_text(job.reason),
        rows.places(row.results),
        row.content,
        row.settings,
        _given(row),
        rows.choice_json(job.choice),
        job.worked_seconds,
    )
    ResultFiles(db).record(job.id, row.files)
    if restored:
        attempt_rows.record(db, job.id, job.attempts, job.round)
    return bool(restored)


def _given(row: JobRow) -> Grade | None:
    """The grade of the folder in which a result was found, if that is not the one that the judgement gave it."""
    top = unicodedata.normalize("NFC", row.results[0].partition("/")[0]) if row.results else ""
    return next((grade for grade in Grade if grade == top and row.job.grade not in (None, grade)), None)


def prune(db: Database, before: float, most: int) -> int:
    """Delete at most so many jobs that ended before this time, oldest first, within a transaction; returns how many.

    Their attempts and places go with them; tallies and people's verdicts stay. A failed job whose original is not in
    `failed/` yet is not over.
    """
    # The "+" makes SQLite use the index of finished_at, in whose order the first few rows are found at once. The index
    # of state may hold a million rows.
    return db.change(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at IS NOT NULL AND finished_at < ? "
        "AND (+state = 'done' OR (+state = 'failed' AND results != '[]')) ORDER BY finished_at LIMIT ?)",
        before,
        most,
    )
