"""What people do to photos on a page, each deed exactly once: written down, done step by step, ended; then undone.

A deed is in the journal before its first step, and each step may be repeated. So whatever stops it, a crash or a share
that is away, the next start or the next minute carries it through.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

from daemon.errors import BadPhoto, FreistellerError, IllegalMove, NoRoom, RootAway, Said, Vanished, said_of
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.journal import Journal, top_folder
from daemon.journal.deed_rows import UNDO, Deed
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.people.deed_acts import DeedAct, KeptWaiting, Plan
from daemon.states import is_open, is_waiting

_ENDS = (IllegalMove, Vanished, BadPhoto)
"""Errors after which nothing more will come of a deed. After any other, it is carried through later."""


class DeedKind(StrEnum):
    """What people can do; the journal keeps these words."""

    GRADE = "grade"
    RETRY = "retry"
    ATTEMPT = "attempt"
    FAIL = "fail"
    CANCEL = "cancel"
    PRIORITY = "priority"


class Changed(FreistellerError):
    """Somebody else changed a photo first. Answer: show it as it is now, and let the person decide again."""

    reason = "changed"


class Deeds:
    """Safe to use from many threads."""

    def __init__(
        self,
        journal: Journal,
        acts: Mapping[str, DeedAct],
        waiting: KeptWaiting,
        locks: JobLocks,
        runtime: Runtime,
    ) -> None:
        """acts: what each kind of deed does. waiting: keeps jobs from being started meanwhile."""
        self._journal = journal
        self._acts = acts
        self._waiting = waiting
        self._locks = locks
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._barrier = Barrier()

    def act(self, kind: DeedKind, job_id: str, who: str, wish: Plan | None = None, version: int | None = None) -> int:
        """Do something to one photo. Returns the deed's number.

        version: of the job that the person saw; None = whatever it is. Raises KeyError for an unknown job, Changed if
        it has another version, IllegalMove or Vanished if it cannot be done (any more), NoRoom, RootAway.
        """
        self._refuse_in_work(job_id)
        with self._locks.held(job_id):
            self._finish_earlier(job_id)
            job = self._journal.row(job_id).job
            if version is not None and self._journal.lists.version_of(job_id) != version:
                raise Changed(Said("changed_since", name=job.name))
            deed = Deed(kind, job_id, top_folder(job.name), job.name, who, self._clock(), {})
            return self._begin(deed, wish or {})

    def prioritize(self, order: str, priority: int, who: str) -> int:
        """Let the photos of an order be started before those of lower priority. Returns the deed's number.

        Raises IllegalMove for an order of which no photo is known.
        """
        with self._locks.held(_lock_of("", order)):
            self._finish_earlier("", order)
            deed = Deed(DeedKind.PRIORITY, "", order, "", who, self._clock(), {})
            return self._begin(deed, {"priority": priority})

    def undo(self, number: int, who: str) -> int:
        """Take a deed back, or, if it took one back itself, do that one again. Returns the number of the new deed.

        Raises KeyError for an unknown deed, IllegalMove or Vanished if that is not possible (any more).
        """
        base = self.base_of(number)
        if base.job_id:
            self._refuse_in_work(base.job_id)
        with self._locks.held(_lock_of(base.job_id, base.folder)):
            self._finish_earlier(base.job_id, base.folder)
            base = self.base_of(number)
            again = self._is_undo(self._journal.deeds.one(number))
            self._refuse_out_of_turn(base, again)
            act, subject, now = self._acts[base.kind], base.job_id or base.folder, self._clock()
            plan = dict(act.plan(subject, base.body["wish"], who) if again else act.plan_undo(base))
            deed = Deed(UNDO, base.job_id, base.folder, base.name, who, now, {"again": again, "plan": plan}, number)
            anew = replace(base, body={"wish": base.body["wish"], **plan}) if again else None
            self._tick(Effect.BEGIN_DEED)
            begun = self._journal.deeds.begin(deed, anew)
            self._carry_through(self._journal.deeds.one(begun))
        return begun

    def base_of(self, number: int) -> Deed:
        """The deed itself, or what it took back, however often that went to and fro. Raises KeyError."""
        deed = self._journal.deeds.one(number)
        while deed.undoes is not None:
            deed = self._journal.deeds.one(deed.undoes)
        return deed

    def recover(self) -> int:
        """Carry through what an earlier run left begun, before any job starts. Returns how many deeds that were.

        What cannot be done yet is done by `resume`, and until then nobody starts that job.
        """
        for deed in self._journal.deeds.unfinished():
            self._waiting.hold(deed.job_id)
        return self.resume()

    def resume(self) -> int:
        """Carry through what an outage stopped, as far as that is possible now. Returns how many deeds that were.

        A deed that another thread is doing now is left to it.
        """
        ended = 0
        with suppress(NoRoom, RootAway):
            for deed in self._journal.deeds.unfinished():
                with (
                    self._barrier.around(f"Deed {deed.number} on {deed.name or deed.folder}"),
                    self._locks.trying(_lock_of(deed.job_id, deed.folder)) as is_ours,
                ):
                    if is_ours and self._journal.deeds.one(deed.number).ended_at is None:
                        ended += self._carry_through_later(deed)
        return ended

    def _finish_earlier(self, job_id: str, order: str = "") -> None:
        """Carry through what an outage left undone of the same photo, or order: deeds are done in their order."""
        for deed in self._journal.deeds.unfinished():
            if deed.job_id == job_id and (job_id or deed.folder == order):
                self._carry_through_later(deed)

    def _begin(self, deed: Deed, wish: Plan) -> int:
        plan = self._acts[deed.kind].plan(deed.job_id or deed.folder, wish, deed.who)
        self._tick(Effect.BEGIN_DEED)
        number = self._journal.deeds.begin(replace(deed, body={"wish": wish, **plan}))
        self._carry_through(self._journal.deeds.one(number))
        return number

    def _carry_through(self, deed: Deed) -> None:
        """Do what is left of a deed, then end it. Raises what it fails with."""
        base = self.base_of(deed.number)
        act, again = self._acts[base.kind], bool(deed.body.get("again"))
        try:
            if deed.kind != UNDO or again:
                act.do(base)
            else:
                act.undo(base, deed.body["plan"])
        except _ENDS as error:
            self._end(deed, said_of(error))
            raise
        except KeyError as error:
            self._end(deed, Said("gone_from_journal", name=deed.name))
            raise Vanished(Said("gone_from_journal", name=deed.name)) from error
        self._end(deed, None, {base.number: None if again else deed.number} if deed.kind == UNDO else {})
        what = f"{'redone' if again else 'undone'}: {base.kind}" if deed.kind == UNDO else str(deed.kind)
        text = f"{deed.name or deed.folder}: {what}, by {deed.who or 'a person'}"
        log.log("deed", text, job=deed.job_id, name=deed.name, deed=deed.number, kind=base.kind, who=deed.who)

    def _carry_through_later(self, deed: Deed) -> bool:
        try:
            self._carry_through(deed)
        except _ENDS as error:
            log.log("deed_refused", f"{deed.name}: {deed.kind}: {error}", job=deed.job_id, deed=deed.number)
            return False
        return True

    def _end(self, deed: Deed, fault: str | None = None, undone: Mapping[int, int | None] | None = None) -> None:
        self._tick(Effect.END_DEED)
        self._journal.deeds.end(deed.number, self._clock(), fault, undone or {})
        self._waiting.let_start(deed.job_id)

    def _refuse_in_work(self, job_id: str) -> None:
        """Raise at once instead of waiting for the lock of a photo that is being worked on."""
        state = self._journal.state_of(job_id)
        if state is None:
            raise KeyError(job_id)
        if is_open(state) and not is_waiting(state):
            raise IllegalMove(Said("in_work", name=self._journal.row(job_id).job.name))

    def _is_undo(self, deed: Deed) -> bool:
        """Whether a deed took another one back, and did not do it again."""
        return deed.kind == UNDO and not deed.body["again"]

    def _refuse_out_of_turn(self, base: Deed, again: bool) -> None:
        """Raise IllegalMove unless a deed is the next one to be undone, or done again: people go back step by step."""
        if base.ended_at is None or base.fault is not None:
            raise IllegalMove(Said("deed_came_to_nothing"))
        history = self._journal.deeds.history(base)
        newest = max((deed.number for deed in history if deed.undone_by is None), default=0)
        if again:
            next_one = min((deed.number for deed in history if deed.undone_by and deed.number > newest), default=0)
        else:
            next_one = newest
        if (base.undone_by is not None) != again:
            raise IllegalMove(Said("done_again") if again else Said("taken_back"))
        if base.number != next_one:
            raise IllegalMove(Said("later_deed", name=base.name or base.folder))


def _lock_of(job_id: str, order: str) -> str:
    """The lock of a job, or of an order, whose name is no job's id."""
    return job_id or f"order/{order}"
