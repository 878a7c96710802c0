"""Takes another attempt of a result, as a deed: written down, once, and to be taken back."""

from daemon.errors import IllegalMove, Said
from daemon.jobs import Job, attempt_numbered
from daemon.journal import Journal
from daemon.journal.deed_rows import Deed
from daemon.judgement.best_of_pages import best_of_page
from daemon.people.deed_acts import Plan
from daemon.people.other_attempts import OtherAttempts
from daemon.states import is_done


class AttemptDeed:
    """A `DeedAct`. wish: {"number": of the attempt}. To take it back is to take the former attempt once more."""

    def __init__(self, journal: Journal, other_attempts: OtherAttempts) -> None:
        self._journal = journal
        self._other_attempts = other_attempts

    def plan(self, subject: str, wish: Plan, _: str) -> Plan:
        """See whether it can be taken."""
        row = self._journal.row(subject)
        self._other_attempts.refuse_unless_there(row, wish["number"])
        return {"number": wish["number"], "former": _in_use(row.job, wish["number"])}

    def do(self, deed: Deed) -> None:
        """Begin a round that is decided already; the dispatcher does the rest."""
        self._other_attempts.take_attempt(deed.job_id, deed.body["number"], deed.who)

    def plan_undo(self, deed: Deed) -> Plan:
        """See whether the former attempt can be taken."""
        row = self._journal.row(deed.job_id)
        if not is_done(row.job.state) or _in_use(row.job, deed.body["number"]) != deed.body["number"]:
            raise IllegalMove(Said("made_anew", name=row.job.name))
        self._other_attempts.refuse_unless_there(row, deed.body["former"])
        return {}

    def undo(self, deed: Deed, _: Plan) -> None:
        """Take the former attempt."""
        self._other_attempts.take_attempt(deed.job_id, deed.body["former"], deed.who)


def _in_use(job: Job, number: int) -> int | None:
    """The attempt that the result of the same page is made of."""
    attempt = attempt_numbered(job.attempts, number)
    best = best_of_page(job, attempt.page) if attempt else None
    return best.number if best else None
