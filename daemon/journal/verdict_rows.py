"""Verdicts of people, each kept with what the judgement had said of the result."""

from collections.abc import Sequence

from daemon.jobs import Grade
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.journal.rows import LeftAlone, PersonVerdict
from daemon.states import State

_BEST = "SELECT body FROM attempts WHERE job_id = jobs.id AND round = jobs.round AND attempts.number = jobs.best"

_GIVEN = "job_id, name, folder, from_grade, to_grade, at, who, how"


class VerdictRows:
    """The verdicts that the journal knows. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(
        self,
        job_id: str,
        from_grade: Grade,
        to_grade: Grade,
        at: float,
        *,
        who: str = "",
        how: str = "",
        places: Sequence[str] | None = None,
        deed: int | None = None,
    ) -> bool:
        """Keep the grade that a person gave a result, with what the judgement had said of it.

        places: where the job's files are now, recorded with it. deed: that gave it. Returns False, and keeps no
        verdict, if the last one of this round already led to `to_grade`: a repeat after a crash counts once. Raises
        KeyError for an unknown job.
        """
        with self._db.transaction():
            last = self.standing(job_id)
            is_new = last is None or last[0] is not to_grade
            recorded = is_new and self._db.change(
                "INSERT INTO verdicts (job_id, round, name, folder, from_grade, to_grade, at, who, how, deed, attempt) "
                f"SELECT id, round, name, folder, ?, ?, ?, ?, ?, ?, ({_BEST}) FROM jobs WHERE id = ?",
                from_grade,
                to_grade,
                at,
                who,
                how,
                deed,
                job_id,
            )
            if is_new and not recorded:
                raise KeyError(job_id)
            if places is not None:
                self.record_moved(job_id, places)
            return is_new

    def undo(self, deed: int, at: float, job_id: str, places: Sequence[str]) -> None:
        """Let the verdict that a deed gave count no longer. places: where the job's files are now."""
        with self._db.transaction():
            self._db.change("UPDATE verdicts SET undone_at = ? WHERE deed = ? AND undone_at IS NULL", at, deed)
            self.record_moved(job_id, places)

    def standing(self, job_id: str) -> tuple[Grade, int | None] | None:
        """The last verdict on the result of a job's round, and the deed that gave it, None if its file was moved."""
        row = self._db.row(
            "SELECT to_grade, deed FROM verdicts JOIN jobs ON jobs.id = job_id AND jobs.round = verdicts.round "
            "WHERE job_id = ? AND undone_at IS NULL ORDER BY verdicts.id DESC LIMIT 1",
            job_id,
        )
        return None if row is None else (Grade(str(row[0])), None if row[1] is None else rows.whole(row[1]))

    def record_moved(self, job_id: str, places: Sequence[str]) -> None:
        """Keep where people put the files of a result; does nothing if the job is being worked on again.

        Of two results that people swapped, the one that is recorded first takes the other's places, which therefore
        counts as the other's again once it is recorded, even if it came back to them.
        """
        with self._db.transaction():
            if self._db.change(
                "UPDATE jobs SET results = ? WHERE id = ? AND state = ?", rows.places(places), job_id, State.DONE
            ):
                self._db.change(
                    "INSERT OR REPLACE INTO places SELECT value, jobs.id FROM jobs, json_each(results) "
                    "WHERE jobs.id = ?",
                    job_id,
                )

    def latest(self, count: int) -> tuple[PersonVerdict, ...]:
        """The newest verdicts that nobody took back, newest first, each with the best attempt that it speaks of."""
        found = self._db.rows(
            f"SELECT {_GIVEN}, attempt FROM verdicts WHERE undone_at IS NULL ORDER BY id DESC LIMIT ?", count
        )
        return tuple(map(_person_verdict, found))

    def given(self) -> tuple[int, int]:
        """The number of the newest verdict, and how many were taken back: both stay while nobody says anything."""
        row = self._db.row("SELECT coalesce(max(id), 0), count(undone_at) FROM verdicts")
        return (0, 0) if row is None else (rows.whole(row[0]), rows.whole(row[1]))

    def moved(self, before: int, count: int) -> tuple[tuple[int, PersonVerdict], ...]:
        """The newest verdicts by people who moved files, newest first, each with its number; without the attempts.

        before: only those with a smaller number.
        """
        found = self._db.rows(
            f"SELECT id, {_GIVEN}, NULL FROM verdicts WHERE id < ? AND deed IS NULL ORDER BY id DESC LIMIT ?",
            before,
            count,
        )
        return tuple((rows.whole(number), _person_verdict(values)) for number, *values in found)

    def left_alone(self, count: int, seconds: float) -> tuple[LeftAlone, ...]:
        """The newest results that nobody moved, though somebody went through them.

        That is so if a person moved another result out of the same folder and grade within `seconds` of the time at
        which this one was finished. Who decides on one result after the other has not seen the rest.
        """
        found = self._db.rows(
            "WITH looked AS (SELECT DISTINCT folder FROM verdicts WHERE how != 'review') "
            "SELECT jobs.id, jobs.folder, grade, score, finished_at, body FROM looked "
            "JOIN jobs ON state = 'done' AND jobs.folder = looked.folder "
            "JOIN attempts ON job_id = jobs.id AND attempts.round = jobs.round AND attempts.number = best "
            "WHERE grade IS NOT NULL AND score IS NOT NULL "
            "AND EXISTS (SELECT 1 FROM verdicts WHERE verdicts.folder = jobs.folder AND from_grade = grade "
            "AND how != 'review' AND at BETWEEN finished_at AND finished_at + ?) "
            "AND NOT EXISTS (SELECT 1 FROM verdicts WHERE verdicts.job_id = jobs.id AND undone_at IS NULL) "
            "ORDER BY finished_at DESC LIMIT ?",
            seconds,
            count,
        )
        return tuple(
            LeftAlone(
                str(job_id),
                str(folder),
                Grade(str(grade)),
                rows.real(score) or 0.0,
                rows.real(at) or 0.0,
                rows.attempt(body),
            )
            for job_id, folder, grade, score, at, body in found
        )


def _person_verdict(values: Sequence[object]) -> PersonVerdict:
    """A verdict from the columns _GIVEN and its attempt."""
    job_id, name, folder, before, after, at, who, how, attempt = values
    return PersonVerdict(
        str(job_id),
        str(name),
        str(folder),
        Grade(str(before)),
        Grade(str(after)),
        rows.real(at) or 0.0,
        str(who),
        str(how),
        None if attempt is None else rows.attempt(attempt),
    )
