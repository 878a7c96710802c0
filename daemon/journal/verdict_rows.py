"""Verdicts of people: noted with what the judgement had said, and read again."""

from daemon.jobs import Grade
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.journal.rows import LeftAlone, PersonVerdict

_BEST = "SELECT body FROM attempts WHERE job_id = jobs.id AND round = jobs.round AND number = jobs.best"


def record(db: Database, job_id: str, from_grade: Grade, to_grade: Grade, at: float, who: str, how: str) -> bool:
    """Write a verdict down, within a transaction; False where it was the last one of this round already."""
    last = db.row(
        "SELECT to_grade FROM verdicts JOIN jobs ON jobs.id = job_id AND jobs.round = verdicts.round "
        "WHERE job_id = ? ORDER BY verdicts.id DESC LIMIT 1",
        job_id,
    )
    if last == (to_grade,):
        return False
    noted = db.change(
        "INSERT INTO verdicts (job_id, round, name, folder, from_grade, to_grade, at, who, how, attempt) "
        f"SELECT id, round, name, folder, ?, ?, ?, ?, ?, ({_BEST}) FROM jobs WHERE id = ?",
        from_grade,
        to_grade,
        at,
        who,
        how,
        job_id,
    )
    if not noted:
        raise KeyError(job_id)
    return True


def latest(db: Database, count: int) -> tuple[PersonVerdict, ...]:
    """The newest verdicts, newest first."""
    found = db.rows(
        "SELECT job_id, name, folder, from_grade, to_grade, at, who, how, attempt FROM verdicts "
        "ORDER BY id DESC LIMIT ?",
        count,
    )
    return tuple(
        PersonVerdict(
            str(job_id),
            str(name),
            str(folder),
            Grade(str(before)),
            Grade(str(after)),
            rows.real(at) or 0.0,
            str(who),
            str(how),
            None if body is None else rows.attempt(body),
        )
        for job_id, name, folder, before, after, at, who, how, body in found
    )


def left_alone(db: Database, count: int, seconds: float) -> tuple[LeftAlone, ...]:
    """The newest results that nobody moved, of folder and grade that a person moved another one out of soon after."""
    found = db.rows(
        "WITH looked AS (SELECT DISTINCT folder FROM verdicts) "
        "SELECT jobs.id, grade, score, finished_at, body FROM looked "
        "JOIN jobs ON state = 'done' AND jobs.folder = looked.folder "
        "JOIN attempts ON job_id = jobs.id AND attempts.round = jobs.round AND number = best "
        "WHERE grade IS NOT NULL AND score IS NOT NULL "
        "AND EXISTS (SELECT 1 FROM verdicts WHERE verdicts.folder = jobs.folder AND from_grade = grade "
        "AND at BETWEEN finished_at AND finished_at + ?) "
        "AND NOT EXISTS (SELECT 1 FROM verdicts WHERE verdicts.job_id = jobs.id) "
        "ORDER BY finished_at DESC LIMIT ?",
        seconds,
        count,
    )
    return tuple(
        LeftAlone(str(job_id), Grade(str(grade)), rows.real(score) or 0.0, rows.real(at) or 0.0, rows.attempt(body))
        for job_id, grade, score, at, body in found
    )
