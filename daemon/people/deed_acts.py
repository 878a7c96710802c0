"""What each kind of deed has to know: what it plans, how it is carried through, and how it is taken back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from daemon.errors import IllegalMove, Said, Vanished
from daemon.jobs import Grade, Job
from daemon.journal import JobRow
from daemon.journal.deed_rows import Deed
from daemon.journal.reserved import ReservedJobs
from daemon.journal.rows import CHOICE, failure_text
from daemon.people.earlier_results import EarlierResults
from daemon.people.retries import NextRound, Retries
from daemon.people.returned_originals import ReturnedOriginals
from daemon.publishing.publisher import Publisher
from daemon.settings import OutputSettings

Plan = Mapping[str, Any]
"""What a deed writes before its first step, as JSON values: enough to carry it through after a crash."""


class DeedAct(Protocol):
    """One kind of deed. Whoever calls a method holds the lock of the job; every step may be repeated."""

    def plan(self, subject: str, wish: Plan, who: str, /) -> Plan:
        """Decide what to do. Raises IllegalMove or Vanished if that cannot be done now. subject: a job, or an order."""

    def do(self, deed: Deed, /) -> None:
        """Carry it through from wherever it stands. Raises IllegalMove or Vanished if it cannot be done any more."""

    def plan_undo(self, deed: Deed, /) -> Plan:
        """Decide how to take it back. Raises IllegalMove or Vanished, with the reason, if that is impossible."""

    def undo(self, deed: Deed, plan: Plan, /) -> None:
        """Take it back, from wherever that stands. Raises like `do`."""


class KeptWaiting:
    """Keeps jobs from being started while a deed changes them. Whoever calls a method holds the lock of the job."""

    def __init__(self, reserved: ReservedJobs) -> None:
        self._reserved = reserved
        self._held: set[str] = set()

    @contextmanager
    def around(self, job_id: str) -> Iterator[None]:
        """Let nobody start a job during the block, and after an error until its deed is carried through.

        Raises IllegalMove if somebody else keeps it waiting now, because a file of it was put into `inbox/`.
        """
        if job_id in self._reserved.snapshot() and job_id not in self._held:
            raise IllegalMove(Said("file_taken_out"))
        self._held.add(job_id)
        self._reserved.reserve(job_id)
        try:
            yield
        except (IllegalMove, Vanished):  # nothing more will come of the deed
            self.let_start(job_id)
            raise
        self.let_start(job_id)

    def hold(self, job_id: str) -> None:
        """Let nobody start a job, whose deed an earlier run left begun, until that is carried through."""
        if job_id not in self._reserved.snapshot():
            self._held.add(job_id)
            self._reserved.reserve(job_id)

    def let_start(self, job_id: str) -> None:
        """The deed is over, so the job may be started; nothing happens if somebody else keeps it waiting."""
        if job_id not in self._held:
            return
        self._held.discard(job_id)
        self._reserved.release(job_id)


@dataclass(frozen=True, slots=True)
class RoundTools:
    """What sends a photo from one round, or end, to another and back."""

    retries: Retries
    next_round: NextRound
    earlier: EarlierResults
    originals: ReturnedOriginals
    publisher: Publisher
    waiting: KeptWaiting

    def end(self, job_id: str) -> None:
        """Bring a job that is over to its end: a failed one's original to `failed/`, what is left of it away."""
        self.publisher.clear(self.publisher.finish(self.publisher.look(job_id, OutputSettings())))


def former_row(row: JobRow) -> Plan:
    """A job's row as JSON values, so that it can be reinstated."""
    job = row.job
    keys = ("round", "admitted_at", "started_at", "finished_at", "worked_seconds", "grade", "score", "best", "reason")
    choice = None if job.choice is None else asdict(job.choice)
    values = {key: getattr(job, key) for key in keys}
    return {**values, "choice": choice, "reason_kind": row.reason_kind, "failure": failure_text(job.reason)}


def reinstated(row: JobRow, former: Plan, places: list[str]) -> JobRow:
    """A job's row as it was. former: see `former_row`. places: where the files of its result are."""
    values = {key: value for key, value in former.items() if key not in ("reason_kind", "failure")}
    values["grade"] = Grade(former["grade"]) if former["grade"] else None
    values["choice"] = CHOICE.validate_python(former["choice"]) if former.get("choice") else None
    job: Job = replace(row.job, **values)
    return replace(row, job=job, reason_kind=former["reason_kind"], results=tuple(places))
