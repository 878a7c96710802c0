"""Makes jobs ready to be started again that were in work when the program died, and decides which are suspects.

A suspect may be what ended the program, so it runs alone until one run of it ends in order.
"""

from collections.abc import Collection

from daemon.journal.database import Database
from daemon.journal.moves import make_move
from daemon.journal.run_end import RunEnd
from daemon.states import Move


def recover(db: Database, in_work: Collection[str], end: RunEnd) -> None:
    """Undo the tries of these jobs, and suspect them unless the program was stopped; within a transaction.

    Only a crash counts, and only if no other job was in work: else nobody knows which one is to blame.
    """
    counts = end is RunEnd.CRASHED and len(in_work) == 1
    suspect = "suspect" if end is RunEnd.STOPPED else "max(suspect, 1)"
    for job_id in in_work:
        make_move(db, job_id, Move.RECOVER, f"due_at = 0, tries = tries - ?, suspect = {suspect}", not counts)
