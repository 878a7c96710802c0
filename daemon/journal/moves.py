"""Makes one move of the table of states in a job's row, and keeps whether somebody works on the job."""

from itertools import chain

from daemon.errors import IllegalMove
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.states import MOVES, Move

_WORK = {
    Move.START: "in_work = 1",
    Move.RESUME: "in_work = 1",
    Move.DECIDE: "in_work = 1",
    Move.RECOVER: "in_work = 0",
}
"""What a move does to the work on a job. Any other ends it in order, so the job is no suspect any more."""
_ENDS_IN_ORDER = "in_work = 0, suspect = 0"


def make_move(db: Database, job_id: str, move: Move, changes: str, *values: object) -> None:
    """Make a move of the table together with these `changes` of the job's row. Raises IllegalMove."""
    ends = MOVES[move]
    with db.transaction():
        changed = db.change(
            f"UPDATE jobs SET state = CASE state {'WHEN ? THEN ? ' * len(ends)}END, "
            f"{_WORK.get(move, _ENDS_IN_ORDER)}, {changes} WHERE id = ? AND state IN ({rows.placeholders(ends)})",
            *chain.from_iterable(ends.items()),
            *values,
            job_id,
            *ends,
        )
        if changed != 1:
            raise IllegalMove(f"Job {job_id} is not {' or '.join(sorted(ends))}, so it cannot {move}.")
