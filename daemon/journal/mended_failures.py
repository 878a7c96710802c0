"""Failures that a later photo from the same place in `inbox/` mends, and how such a failure is closed."""

from daemon.jobs.failure_kinds import OF_THE_FILE
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.states import State

_OF_THE_FILE = tuple(sorted(kind.value for kind in OF_THE_FILE))


class MendedFailures:
    """Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def by(self, job_id: str) -> tuple[str, ...]:
        """The ids of the failed jobs that this one mends, oldest first: it came later, from the same place.

        Their files were at fault, or held the same bytes as its own. A photo that a program sent is left out, because
        that program asks for it by its id; so are one that a person sent to `failed/`, one whose original is not there
        yet, and one with which a person is just doing something.
        """
        found = self._db.rows(
            "SELECT old.id FROM jobs AS new JOIN jobs AS old ON old.source = new.source AND old.state = 'failed' "
            "WHERE new.id = ? AND old.number < new.number AND old.admitted_at <= new.admitted_at "
            "AND old.results != '[]' AND old.settings = '' "
            f"AND (old.reason_kind IN ({rows.placeholders(_OF_THE_FILE)}) "
            "OR (old.content = new.content AND old.reason_kind NOT IN ('cancelled', 'rejected'))) "
            "AND NOT EXISTS (SELECT 1 FROM request_keys WHERE job_id = old.id) "
            "AND NOT EXISTS (SELECT 1 FROM deeds WHERE job_id = old.id AND ended_at IS NULL) ORDER BY old.number",
            job_id,
            *_OF_THE_FILE,
        )
        return tuple(str(each) for (each,) in found)

    def close(self, job_id: str) -> None:
        """Delete a failed job, which no longer counts as failed; nothing happens if it is not failed any more."""
        with self._db.transaction():
            if self._db.change("DELETE FROM jobs WHERE id = ? AND state = ?", job_id, State.FAILED):
                # Rows that are pruned stay counted. This one is no failure any more.
                self._db.change("UPDATE tallies SET count = count - 1 WHERE state = ? AND grade = ''", State.FAILED)
